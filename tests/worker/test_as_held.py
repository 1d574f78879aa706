"""Files as agencies hold them: packed, hidden, drifted, lettered otherwise; read right, or told in a line."""

from __future__ import annotations

import bz2
import datetime as dt
import lzma
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError, SpecError
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.profile import profile
from mpcgov.worker.report import DatasetReport, dataset_check
from tests.worker.test_other_files import DAY, MONEY, rows

KEY: dict[str, Any] = {"kind": "key"}
WHOLE: dict[str, Any] = {"kind": "integer", "min": 0, "max": 1000}
COLUMNS = {"id": KEY, "n": WHOLE}
moment = dt.datetime.fromisoformat
TEXT = "id,n\na,1\nb,2\n"


def checked(folder: Path, source: str, columns: dict[str, Any] = COLUMNS, **more: Any) -> DatasetReport:
    whole = {"source": source, "missing": "drop", "columns": columns, **more}
    return dataset_check(validate(whole, Dataset, "d"), "d", folder)


def archive(*names: str, text: str = TEXT) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name in names:
                file.writestr(name, text)

    return write


def locked(path: Path) -> None:
    archive("d.csv")(path)
    whole = bytearray(path.read_bytes())
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(whole)


def bytes_of(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


PACKED = {
    "xz": ("d.csv.xz", bytes_of(lzma.compress(TEXT.encode()))),
    "zip": ("d.csv.zip", archive("x/", "x/whatever.txt", "__MACOSX/._d.csv")),
    "several bz2": ("d.csv.bz2", bytes_of(bz2.compress(TEXT[:9].encode()) + bz2.compress(TEXT[9:].encode()))),
    "a zip named as text": ("d.csv", archive("d.csv")),
    "tabs in a zip": ("d.tsv.zip", archive("d.tsv", text=TEXT.replace(",", "\t"))),
}


@pytest.mark.parametrize(("name", "write"), PACKED.values(), ids=PACKED.keys())
def test_packed_text_is_read_and_profiled(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    assert rows(tmp_path, name, COLUMNS) == [("a", 1), ("b", 2)]
    assert "n: {kind: integer" in profile(name, tmp_path)


DAMAGED = {
    "cut xz": (bytes_of(lzma.compress(TEXT.encode())[:-20]), "damaged, or packed in a way"),
    "cut zip": (bytes_of(b"PK\x03\x04" + b"0" * 100), "damaged, or packed in a way"),
    "two files": (archive("a.csv", "b.csv"), "a ZIP archive of 2 files"),
    "no file": (archive("x/"), "a ZIP archive of 0 files"),
    "a workbook": (archive("[Content_Types].xml", "xl/workbook.xml"), "not CSV but a workbook: name it .xlsx"),
    "a password": (locked, "locked by a password"),
}


@pytest.mark.parametrize(("write", "words"), DAMAGED.values(), ids=DAMAGED.keys())
def test_what_cannot_be_unpacked_says_why(tmp_path: Path, write: Callable[[Path], None], words: str) -> None:
    write(tmp_path / "d.csv.zip")
    with pytest.raises(DataError, match=words):
        checked(tmp_path, "d.csv.zip")


def text_of(*keys: str) -> bytes:
    return ("id,n\n" + "".join(f"{key},1\n" for key in keys)).encode()


REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "windows-1250 as latin-1": (
        "id,n\nŽofie,1\n".encode("cp1250"), {"encoding": "latin-1"}, "control characters stand where windows-1252",
    ),
    "windows-1250 as latin-2": (
        "id,n\nŠárka,1\n".encode("cp1250"), {"encoding": "iso-8859-2"}, "control characters stand where windows-1252",
    ),
    "utf-8 as latin-1": ("id,n\nGroß,1\n".encode(), {"encoding": "latin-1"}, "not in iso8859-1 but in UTF-8"),
    "utf-32": (TEXT.encode("utf-32"), {}, "not UTF-8 but UTF-32; set encoding: utf-32"),
    "the other order of bytes": (
        b"\xfe\xff" + TEXT.encode("utf-16-be"), {"encoding": "utf-16-le"}, "not UTF-16-LE but UTF-16; set encoding",
    ),
    "a lone quote above": (b'id,"n\na,1\n', {}, "a quote is out of place, or it is over 1 MiB$"),
    "comments between": (TEXT.encode() + b"# break\n" + b"c,3\n" * 30, {}, "lines that begin with # are rows"),
    "an end of DOS": (TEXT.encode() + b"\x1a", {}, "the last character is Ctrl-Z"),
    "eurostat": (b"freq,geo\\TIME_PERIOD\t2019\nA,DE\t1 b\n", {"delimiter": "tab"}, "ask for SDMX-CSV"),
    "names in single quotes": (b"'id','n'\n'a','1'\n", {}, "no column id, but one that differs only in quotes"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "more", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_the_cause_is_said(tmp_path: Path, content: bytes, more: dict[str, Any], words: str) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        checked(tmp_path, "d.csv", **more)
    assert re.search(words, "; ".join(filter(None, (caught.value.message, caught.value.hint))))


def test_a_delimiter_of_two_characters_says_what_to_declare(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match="of '||' declare one: between two there is an empty column".replace("|", r"\|")
    ):
        checked(tmp_path, "d.csv", delimiter="||")
    (tmp_path / "d.csv").write_text(TEXT.replace(",", "||"))
    assert rows(tmp_path, "d.csv", COLUMNS, delimiter="|") == [("a", 1), ("b", 2)]


POINTED = {
    "1000.0": 1, "1000.00": 1, "1000,0": 1, "1000,00": 1, "1000.0000": 1, "1.000": 0, "12.000.000": 0, "1000.5": 0,
    "2.00.1": 0, "100": 0, "1.2E+10": 1, "1,2E+10": 1, "1.2E10": 1, "1e+10": 1, "1E10": 0, "E12.5E3": 0,
}  # fmt: skip


@pytest.mark.by_day(16)
@pytest.mark.parametrize(("key", "malformed"), POINTED.items(), ids=POINTED)
@pytest.mark.parametrize("normalise", [[], ["digits"]])
def test_a_number_that_a_program_wrote_is_no_key(
    tmp_path: Path, key: str, malformed: int, normalise: list[str]
) -> None:
    (tmp_path / "d.csv").write_text(f'id,n\n"{key}",1\n')
    report = checked(tmp_path, "d.csv", {"id": {**KEY, "normalise": normalise}, "n": WHOLE})
    assert report.columns[0].malformed == malformed


WARNED = {
    "a letter that was lost": ("K\ufffdln", [], "1 row with a key whose letters were lost"),
    "utf-8 taken for latin-1": ("KÃ¶ln", [], "1 row with a key whose letters were lost"),
    "utf-8 taken for windows-1252": ("StraÃŸe", [], "whose letters were lost"),
    "a letter that there is": ("SÃO", [], ""),
    "an apostrophe": ("'00012", [], "1 row with an apostrophe or = before the key"),
    "a formula": ('=""00012""', [], "1 row with an apostrophe or = before the key"),
    "a name with an apostrophe": ("O'Neill", [], ""),
    "digits of other scripts": ("٣٤", ["digits"], "1 row with nothing left of the key once it is normalised"),
    "no digits": ("n.a", ["digits"], "1 row with nothing left of the key once it is normalised"),
    "control characters": ("a\x81b", [], "1 row with characters in the key that nobody sees"),
}


@pytest.mark.parametrize(("key", "normalise", "words"), WARNED.values(), ids=WARNED.keys())
def test_keys_that_meet_no_others_are_pointed_out(tmp_path: Path, key: str, normalise: list[str], words: str) -> None:
    (tmp_path / "d.csv").write_text(f'id,n\n"{key}",1\nx1,2\n', encoding="utf-8")
    found = "; ".join(checked(tmp_path, "d.csv", {"id": {**KEY, "normalise": normalise}, "n": WHOLE}).warnings)
    assert words in found
    assert bool(found) == bool(words)


def test_texts_that_stand_for_none_are_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,name\na,UNKNOWN\nb,XXXX\nc,Ann\n")
    found = checked(tmp_path, "d.csv", {"id": KEY, "name": {"kind": "text"}}).warnings
    assert [one.partition(" that")[0] for one in found] == ["column name: 2 rows with a text"]


def test_what_databases_write_for_nothing_is_told_and_profiled(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,n\n" + "".join(f"a{n},{n}\n" for n in range(30)) + "b,\\N\n")
    assert "1 that look like a code for no value" in checked(tmp_path, "d.csv").faults[0]
    assert 'missing: ["\\\\N"]' in profile("d.csv", tmp_path)


DRIFTED: dict[str, tuple[pa.Array, pa.Array, dict[str, Any], list[Any]]] = {
    "whole numbers": (pa.array([1], pa.int32()), pa.array([2**40], pa.int64()), {**WHOLE, "max": 2**41}, [1, 2**40]),
    "layouts of text": (pa.array(["x"]), pa.array(["y"], pa.large_string()), KEY, ["x", "y"]),
    "dictionaries": (pa.array(["x"]).dictionary_encode(), pa.array(["y"], pa.string_view()), KEY, ["x", "y"]),
    "nothing at first": (pa.nulls(1), pa.array(["x"]), KEY, [None, "x"]),
    "nothing then": (pa.array(["007"]), pa.nulls(1), KEY, ["007", None]),
    "widths": (
        pa.array([Decimal("1.50")], pa.decimal128(9, 2)), pa.array([Decimal("2.5000")], pa.decimal128(20, 4)), MONEY,
        [150, 250],
    ),
    "with and without a sign": (pa.array([1], pa.uint32()), pa.array([-2], pa.int8()), {**WHOLE, "min": -9}, [1, -2]),
    "nothing missing and something": (pa.array([1, 2]), pa.array([3.0, float("nan")]), WHOLE, [1, 2, 3, None]),
    "whole numbers and others": (pa.array([1]), pa.array([1.5]), MONEY, [100, 150]),
    "a number that no float holds": (pa.array([1, 2**53 + 1]), pa.array([3.0]), KEY, ["1", None, "3"]),
    "units of time": (
        pa.array([moment("2020-01-01")], pa.timestamp("ns")), pa.array([moment("1600-01-01")], pa.timestamp("s")),
        DAY, [dt.date(2020, 1, 1), None],
    ),
    "a moment that no microsecond is": (
        pa.array([0, 1, -1], pa.timestamp("ns")), pa.array([moment("1970-01-02")], pa.timestamp("us")),
        DAY, [dt.date(1970, 1, 1), None, None, dt.date(1970, 1, 2)],
    ),
    "days and moments": (
        pa.array([dt.date(2020, 1, 1)]), pa.array([moment("2020-01-02"), moment("2020-01-02T09")]), DAY,
        [dt.date(2020, 1, 1), dt.date(2020, 1, 2), None],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "column", "values"), DRIFTED.values(), ids=DRIFTED.keys())
def test_a_folder_whose_types_drift_is_read_where_each_value_stays_as_it_is(
    tmp_path: Path, first: pa.Array, second: pa.Array, column: dict[str, Any], values: list[Any]
) -> None:
    (tmp_path / "d").mkdir()
    for number, array in enumerate((first, second)):
        pq.write_table(pa.table({"c": array}), tmp_path / "d" / f"{number}.parquet")
    assert [value for (value,) in rows(tmp_path, "d", {"c": column})] == values


APART = {
    "text and numbers": (pa.array(["1"]), pa.array([1])),
    "numbers with and without a point": (pa.array([1]), pa.array([1.5], pa.float32())),
    "moments of no zone and of one": (
        pa.array([moment("2020-01-01")]), pa.array([moment("2020-01-01")], pa.timestamp("us", "UTC")),
    ),
    "without a sign": (pa.array([1], pa.uint64()), pa.array([1], pa.int64())),
    "decimals that nothing holds": (
        pa.array([Decimal(1)], pa.decimal128(38, 0)), pa.array([Decimal("0.5")], pa.decimal128(9, 2)),
    ),
    "a half float after nothing": (pa.nulls(1), pa.array([1], pa.float16())),
    "a wide decimal after nothing": (pa.nulls(1), pa.array([Decimal(1)], pa.decimal256(50, 2))),
}  # fmt: skip


@pytest.mark.parametrize("arrays", APART.values(), ids=APART.keys())
def test_types_that_have_nothing_in_common_are_refused_by_name(tmp_path: Path, arrays: tuple[pa.Array, ...]) -> None:
    (tmp_path / "d").mkdir()
    for number, array in enumerate(arrays):
        pq.write_table(pa.table({"c": array}), tmp_path / "d" / f"{number}.parquet")
    with pytest.raises(DataError, match=r"column c: (type .* in different files|half-prec|decimal)"):
        checked(tmp_path, "d", {"c": MONEY})


def test_a_wide_decimal_of_few_digits_is_read_in_arrow_as_in_parquet(tmp_path: Path) -> None:
    table = pa.table({"c": pa.array([Decimal("1.50")], pa.decimal256(20, 2))})
    with pa.ipc.new_file(tmp_path / "d.arrow", table.schema) as file:
        file.write_table(table)
    assert rows(tmp_path, "d.arrow", {"c": MONEY}) == [(150,)]


def test_a_dictionary_of_string_views_is_read(tmp_path: Path) -> None:
    """As polars writes categories."""
    numbers, texts = pa.array([1, None, 0], pa.uint32()), pa.array(["x", "y"], pa.string_view())
    table = pa.table({"c": pa.DictionaryArray.from_arrays(numbers, texts)})
    with pa.ipc.new_file(tmp_path / "d.arrow", table.schema) as file:
        file.write_table(table)
    assert rows(tmp_path, "d.arrow", {"c": KEY}) == [("y",), (None,), ("x",)]


def test_lines_of_a_mainframe_end_as_they_do_there(tmp_path: Path) -> None:
    for end in (b"\x15", b"\x25"):
        (tmp_path / "d.csv").write_bytes(end.join(line.encode("cp500") for line in TEXT.split()))
        assert rows(tmp_path, "d.csv", COLUMNS, encoding="cp500") == [("a", 1), ("b", 2)]


def test_an_old_feather_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.feather").write_bytes(b"FEA1" + b"\0" * 50 + b"FEA1")
    with pytest.raises(DataError, match="Feather of version 1 isn't read"):
        checked(tmp_path, "d.feather")


def test_a_label_that_is_a_code_for_no_value_is_one(tmp_path: Path) -> None:
    pandas, pyreadstat = pytest.importorskip("pandas"), pytest.importorskip("pyreadstat")
    frame = pandas.DataFrame({"id": ["a", "b", "c"], "sex": [1.0, 2.0, 9.0]})
    pyreadstat.write_sav(
        frame, str(tmp_path / "d.sav"), variable_value_labels={"sex": {1: "Male", 2: "Female", 9: "k.A."}}
    )
    sex = {"kind": "category", "values": ["Male", "Female"], "missing": ["k.A."]}
    report = checked(tmp_path, "d.sav", {"id": KEY, "sex": sex})
    assert (report.faults, report.columns[1].missing) == ((), 1)
    assert rows(tmp_path, "d.sav", {"id": KEY, "sex": sex}) == [("a", "Male"), ("b", "Female"), ("c", None)]


NO_BOOKS = {
    "html": ("d.xls", b"\xef\xbb\xbf\r\n<html><table>", "not a workbook but HTML or XML"),
    "text": ("d.xlsx", TEXT.encode(), "not a workbook but text; name it .csv"),
    "a password": (
        "d.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 9000 + "EncryptedPackage".encode("utf-16-le"), "locked by a password",
    ),
    "an older one": ("d.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 9000, "one of an older Excel; name it .xls"),
    "damaged": ("d.xlsx", b"PK\x03\x04" + b"\0" * 100, "not a workbook, or damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), NO_BOOKS.values(), ids=NO_BOOKS.keys())
def test_what_is_no_workbook_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    pytest.importorskip("python_calamine")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        checked(tmp_path, name, {**COLUMNS, "day": DAY})
    assert words in "; ".join(filter(None, (caught.value.message, caught.value.hint)))


@pytest.mark.parametrize(("extra", "said"), [("-,persons", True), ("-,persons\nz,x", False)])
def test_a_second_line_of_the_header_is_pointed_out(tmp_path: Path, extra: str, said: bool) -> None:
    (tmp_path / "d.csv").write_text(f"id,n\n{extra}\n" + "".join(f"a{n},{n}\n" for n in range(30)))
    assert ("second line of the header, such as units?" in checked(tmp_path, "d.csv").faults[0]) is said


FILLED: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "an amount of nines": (MONEY | {"max": 5000}, [*range(800, 860), *[999] * 12, *[4999] * 12], ""),
    "amounts far below nines": (MONEY | {"max": 5000}, [*range(1, 60), *[999] * 12], "12 rows with a number such"),
    "nines beside others of as many digits": (WHOLE, [*range(940, 999), *[999] * 12], ""),
    "children": (WHOLE, [*[n % 4 for n in range(90)], *[98] * 6, *[99] * 6], "12 rows with a number such"),
    "nines in few rows": (WHOLE, [*[n % 4 for n in range(90)], *[99] * 9], ""),
    "below zero": (WHOLE | {"min": -9}, [*range(60), *[-1] * 12], "12 rows with a number such as 99, 999 or -1"),
    "among numbers below zero": (WHOLE | {"min": -99}, [*range(60), -20, *[-1] * 12], ""),
    "nothing else": (WHOLE, [999] * 12, ""),
    "a day of nobody's": (
        DAY, [*(f"19{n}-07-0{1 + n % 9}" for n in range(10, 70)), *["1900-01-01"] * 12], "12 rows with a day such as",
    ),
    "a day among many": (DAY, [f"19{n:02d}-01-01" for n in range(100) for _ in range(12)], ""),
    "no day": (DAY, ["", ""], ""),
}  # fmt: skip


@pytest.mark.parametrize(("column", "values", "words"), FILLED.values(), ids=FILLED.keys())
def test_numbers_and_days_that_registers_fill_up_with_are_pointed_out(
    tmp_path: Path, column: dict[str, Any], values: list[Any], words: str
) -> None:
    (tmp_path / "d.csv").write_text("id,c\n" + "".join(f"a{n},{value}\n" for n, value in enumerate(values)))
    found = [one for one in checked(tmp_path, "d.csv", {"id": KEY, "c": column}).warnings if "such as" in one]
    assert len(found) == bool(words)
    assert words in "".join(found)


SCRIPTS = {
    "windows-1251": "город,Москва,Казань", "koi8-r": "город,Москва,Казань", "windows-1253": "πόλη,Αθήνα,Πάτρα",
    "cp866": "город,Москва,Казань", "windows-1252": "Stadt,Köln,Zürich", "cp850": "Stadt,Köln,Zürich",
}  # fmt: skip


@pytest.mark.parametrize("encoding", SCRIPTS)
def test_a_guessed_encoding_is_called_one_and_letters_of_other_scripts_are_theirs(
    tmp_path: Path, encoding: str
) -> None:
    name, *cities = SCRIPTS[encoding].split(",")
    lines = [f"id,{name}", *(f"a{n},{cities[n % 2]}" for n in range(40))]
    (tmp_path / "d.csv").write_bytes("\n".join(lines).encode(encoding))
    found = profile("d.csv", tmp_path)
    assert f'encoding: "{encoding}"  # a guess' in found
    assert all(city in found for city in cities)


def test_letters_of_latin_script_side_by_side_make_no_other_script(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(("id,město\n" + "a,Žďár\n" * 20).encode("windows-1250"))
    assert 'encoding: "windows-1252"  # a guess' in profile("d.csv", tmp_path)
    (tmp_path / "d.csv").write_text("id,město\n" + "a,Žďár\n" * 20)
    assert "encoding" not in profile("d.csv", tmp_path)


@pytest.mark.parametrize(("numbers", "said"), [(["1.234", "12.500"], True), (["1.234", "12.5"], False)])
def test_three_digits_behind_each_sign_may_stand_behind_one_of_thousands(
    tmp_path: Path, numbers: list[str], said: bool
) -> None:
    (tmp_path / "d.csv").write_text("id,c\n" + "".join(f"a{n},{numbers[n % 2]}\n" for n in range(40)))
    assert ("if that stands between thousands" in profile("d.csv", tmp_path)) is said


HEADERS = {
    "37605030299,1,1980-02-01": (True, True), "12345": (True, True), "Ann,1,1980-02-01": (True, False),
    "id,1,2,3": (True, False), "id,2023,2024": (False, False), "2023,2024": (False, False), "id,n,1": (False, False),
}  # fmt: skip
"""Whether one is told that there may be no header, where a column isn't found; and whether a profile is refused."""


@pytest.mark.parametrize(("header", "expected"), HEADERS.items(), ids=HEADERS)
def test_a_first_line_that_is_a_row_is_no_header(tmp_path: Path, header: str, expected: tuple[bool, bool]) -> None:
    (tmp_path / "d.csv").write_text(f"{header}\n{header}\n")
    with pytest.raises(DataError, match="no column missing") as caught:
        checked(tmp_path, "d.csv", {"missing": KEY})
    assert ("is there no header?" in str(caught.value.hint)) is expected[0]
    if expected[1]:
        with pytest.raises(DataError, match="is there no header"):
            profile("d.csv", tmp_path)
    else:
        assert "columns:" in profile("d.csv", tmp_path)
