# ruff: noqa: E501 - one line for each file of the corpus
"""A corpus of bad and odd CSV files: what each does, exactly, and that no message tells a value."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import DataError, InternalError, MpcgovError
from mpcgov.spec.table import Dataset
from mpcgov.worker import csv_structure, engine
from mpcgov.worker import pieces as in_pieces
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table

CANARY = "kanarienvogel"
DIGITS = "91827364"

COLUMNS = {
    "region": {"kind": "category", "values": ["North", "South"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
    "pay": {"kind": "decimal", "min": "-10", "max": "1000", "places": 2},
    "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
    "note": {"kind": "text"},
}
HEADER = "region,age,pay,born,note\n"
GOOD = "North,30,12.50,1990-01-31,fine\n"


def declare(source: str = "t.csv", **changes: object) -> Dataset:
    return Dataset.model_validate({"source": source, "columns": COLUMNS, "missing": "drop", **changes})


NOTES = re.compile(r" \([^()]*\)|, but one that differs only in [^;]*: give its name there by from")
"""What messages say more, which tests/worker/test_advice.py looks at."""


def outcome(folder: Path, content: bytes | str, name: str = "t.csv", **changes: object) -> str:
    """`N rows` if every value is as declared, `N rows: faults` if not, or the structure's error line."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    text, fault = "", None
    try:
        report = dataset_check(declare(name, **changes), "d", folder)
        text = "; ".join([f"{report.rows} rows", *report.faults])
    except DataError as error:
        text, fault = error.line(), error
    assert CANARY not in text
    assert DIGITS not in text
    if fault is None:
        return NOTES.sub("", text)
    assert (fault.exit_status, fault.__cause__, fault.__context__) == (2, None, None)
    return NOTES.sub("", fault.message)


def row(**fields: str) -> str:
    return (
        ",".join({"region": "North", "age": "30", "pay": "1", "born": "1990-01-31", "note": "x", **fields}.values())
        + "\n"
    )


FIELDS = "d: {} without exactly 5 fields"
QUOTE = "d: {} with a quote out of place or not closed"
ENDS = "d: {} with another line end than the header's, or with a bare CR"
AGE_TEXT = "{}; column age: {} not a whole number"
AGE_RANGE = "{}; column age: {} out of range 0..120"
PAY_TEXT = "{}; column pay: {} not a number with at most 2 decimal digits"
DATE_TEXT = "{}; column born: {} not a date as YYYY-MM-DD"
VALUES = "{}; column region: {} not among the declared values"

CORPUS = {
    # odd, but right
    "plain": (HEADER + GOOD * 3, "3 rows"),
    "header alone": (HEADER, "0 rows"),
    "header alone without a line end": (HEADER.strip(), "0 rows"),
    "last line without a line end": (HEADER + GOOD + GOOD.strip(), "2 rows"),
    "byte order mark": (b"\xef\xbb\xbf" + (HEADER + GOOD).encode(), "1 rows"),
    "byte order mark before a quote": (b'\xef\xbb\xbf"region",age,pay,born,note\n' + GOOD.encode(), "1 rows"),
    "Windows line ends": ((HEADER + GOOD * 2).replace("\n", "\r\n"), "2 rows"),
    "blank lines": (HEADER + "\n" + GOOD + "\n\n" + GOOD + "\n\n", "2 rows"),
    "everything quoted": ('"region","age","pay","born","note"\n"North","30","1.5","1990-01-31","a ""b"", c"\n', "1 rows"),
    "line ends inside quotes": (HEADER + row(note='"a\nb\r\nc\rd"') * 2, "2 rows"),
    "quoted line end in the header": (HEADER.replace("note", '"no\nte",note').replace("no\nte", "other\nname") + "North,1,1,1990-01-01,a,b\n", "1 rows"),
    "undeclared columns": ("x,region,age,pay,born,note,\n" + "\xff," + GOOD.strip() + ",\n", "1 rows"),
    "declared columns in another order": ("note,born,pay,age,region\nx,1990-01-31,1,30,North\n", "1 rows"),
    "leading zeros and minus zero": (HEADER + row(age="0030") + row(age="-0", pay="-0.00") + row(age="0" * 5000), "3 rows"),
    "ends of the ranges": (HEADER + row(age="120", pay="1000.00", born="2025-12-31") + row(age="0", pay="-10", born="1900-01-01"), "2 rows"),
    "empty fields are missing": (HEADER + ",,,,\n" + GOOD, "2 rows"),
    "quoted empty fields are missing too": (HEADER + '"","","","",""\n' + GOOD, "2 rows"),
    "formulas are text like any other": (HEADER + row(note="=cmd|' /C calc'!A0") + row(note="@SUM(1)"), "2 rows"),
    "a comment sign is text": (HEADER + row(note="#x"), "1 rows"),
    "a backslash is text": (HEADER + row(note="\\") + row(note='"\\"'), "2 rows"),
    "leap day": (HEADER + row(born="2000-02-29"), "1 rows"),
    "text of 900,000 characters": (HEADER + row(note="x" * 900_000) + GOOD, "2 rows"),
    # structure
    "zero bytes": (b"", "d: the file is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "d: the file is empty"),
    "only a line end": ("\n", "d: the first line is blank"),
    "a blank line before the header": ("\n" + HEADER + GOOD, "d: the first line is blank"),
    "a quote out of place in a row of 3 MB": (HEADER + row(note='"' + "x" * 1_500_000 + '"' + CANARY * 100_000), "d: 1 row with a quote out of place or not closed"),
    "no header": (f"North,30,1,1990-01-31,{CANARY}\n" * 2, "d: no column region; no column age; no column pay; no column born; no column note"),
    "no header, repeated values": (f"{CANARY},{CANARY}\n" * 2, "d: no column region; no column age; no column pay; no column born; no column note; 1 undeclared column name stands twice"),
    "missing column": (HEADER.replace("age", "Age") + GOOD, "d: no column age"),
    "blank before a name": (HEADER.replace("age", " age") + GOOD, "d: no column age"),
    "duplicate header": (HEADER.replace("note", "note,age") + GOOD.strip() + ",1\n", "d: column age stands twice"),
    "duplicate undeclared header": (HEADER.replace("note", "note,z,z") + GOOD.strip() + ",1,1\n", "d: 1 undeclared column name stands twice"),
    "semicolons": ((HEADER + GOOD).replace(",", ";"), "d: no column region; no column age; no column pay; no column born; no column note"),
    "header with an open quote": ('"region,age\n' + GOOD, "d: the header can't be read: a quote is out of place, or it is over 1 MiB"),
    "short row": (HEADER + GOOD + f"{CANARY},30\n" + GOOD, FIELDS.format("1 row")),
    "long rows": (HEADER + (GOOD.strip() + f",{CANARY}\n") * 2 + GOOD, FIELDS.format("2 rows")),
    "one comma too many": (HEADER + GOOD.strip() + ",\n" + GOOD, FIELDS.format("1 row")),
    "a line of blanks": (HEADER + GOOD + "  \n", FIELDS.format("1 row")),
    "short and long rows in equal number": (HEADER + "North\n" + row(note="a,b,c,d,e"), FIELDS.format("2 rows")),
    "text after a quote": (HEADER + GOOD + row(note=f'"a"{CANARY}'), QUOTE.format("1 row")),
    "blank before a quote": (HEADER + row(region=' "North"') + GOOD, QUOTE.format("1 row")),
    "blank after a quote": (HEADER + row(region='"North" ') + GOOD, QUOTE.format("1 row")),
    "quote inside a field": (HEADER + row(note=f'5" {CANARY}') + GOOD + row(note='6" x') + row(note='a "b c" d'), QUOTE.format("3 rows")),
    "quote inside a field before good quotes": (HEADER + row(note='5" pipe') + row(note='"good, old"') * 3, QUOTE.format("1 row")),
    "quote that isn't closed": (HEADER + GOOD + row(note=f'"{CANARY}') + GOOD * 2, QUOTE.format("1 row")),
    "quote that isn't closed, in the last line": (HEADER + GOOD + row(note=f'"{CANARY}').strip(), QUOTE.format("1 row")),
    "backslash before a quote": (HEADER + row(note='"a\\"b"') + GOOD, QUOTE.format("1 row")),
    "open quote and a short row": (HEADER + row(note='x"') + "North\n" + GOOD, "d: 1 row with a quote out of place or not closed; 1 row without exactly 5 fields"),
    "mixed line ends": (HEADER + GOOD.replace("\n", "\r\n") * 2 + GOOD, ENDS.format("2 rows")),
    "one Unix line end in a Windows file": (HEADER.replace("\n", "\r\n") + GOOD + GOOD.replace("\n", "\r\n"), ENDS.format("1 row")),
    "carriage returns alone": ((HEADER + GOOD * 2).replace("\n", "\r"), ENDS.format("3 rows")),
    "a carriage return in a field": (HEADER + row(note=f"{CANARY}\rb"), ENDS.format("1 row")),
    "NUL bytes": (HEADER + row(note=f"{CANARY}\0") * 2 + GOOD, "d: 2 rows with NUL bytes"),
    "bad UTF-8": (HEADER.encode() + b"North,1,1,1990-01-01,\xff\n" * 3 + GOOD.encode(), "d: 3 rows not in UTF-8"),
    "bad UTF-8 in an undeclared column": (b"x," + HEADER.encode() + b"\xe4," + GOOD.encode(), "d: 1 row not in UTF-8"),
    "bad UTF-8 in the header": (b"\xe4," + HEADER.encode() + b"," + GOOD.encode(), "d: 1 row not in UTF-8"),
    "cut UTF-8 at the end": (HEADER.encode() + GOOD.strip().encode() + b"\xc3", "d: 1 row not in UTF-8"),
    "Latin-1": ((HEADER + row(note="Müller")).encode("latin-1"), "d: 1 row not in UTF-8"),
    "overlong UTF-8 and surrogates": (HEADER.encode() + b"North,1,1,1990-01-01,\xc0\xaf\nNorth,1,1,1990-01-01,\xed\xa0\x80\n", "d: 2 rows not in UTF-8"),
    "UTF-16": ((HEADER + GOOD).encode("utf-16"), "d: not UTF-8 but UTF-16"),
    "a row of 3 MB": (HEADER + row(note=CANARY * 230_000) + GOOD, "d: 1 row longer than 1,048,576 bytes"),
    # values
    "not a whole number": (HEADER + "".join(row(age=age) for age in ("1.5", "1e2", "+1", " 1", "1 ", "١", "0x1", "--1", "NA", "NULL", "nan", "1_0", '"1\n"')) + GOOD, AGE_TEXT.format("14 rows", "13 rows")),
    "out of range": (HEADER + row(age="121") + row(age="-1") + row(age="9" * 5000) + row(age=DIGITS) + row(age="18446744073709551646"), AGE_RANGE.format("5 rows", "5 rows")),
    "not a decimal": (HEADER + "".join(row(pay=pay) for pay in ("1.234", "1e400", ".5", "5.", "inf", "NaN", "1,5".replace(",", " "), "1.2.3", "€5", "1.230")), PAY_TEXT.format("10 rows", "8 rows")),
    "decimal out of range": (HEADER + row(pay="1000.01") + row(pay="-10.01") + row(pay="9" * 400) + row(pay=f"{DIGITS}.55"), "4 rows; column pay: 4 rows out of range -10..1000"),
    "not a date": (HEADER + "".join(row(born=born) for born in ("2023-02-30", "1900-02-29", "23-1-1", "2023-1-01", "31.12.2020", "2023-01-01 ", "2023-01-01T12:00", "0000-00-00", "today", "infinity", "epoch")), DATE_TEXT.format("11 rows", "11 rows")),
    "date out of range": (HEADER + row(born="2026-01-01") + row(born="1899-12-31") + row(born="0000-01-01") + row(born="9999-12-31"), "4 rows; column born: 4 rows out of range 1900-01-01..2025-12-31"),
    "undeclared category": (HEADER + row(region=CANARY) + row(region="north") + row(region="North ") + row(region="NA") + GOOD, VALUES.format("5 rows", "4 rows")),
    "Unicode that only looks the same": (HEADER + row(region="Nоrth") + row(region="North\u200b"), VALUES.format("2 rows", "2 rows")),
    "several columns": (HEADER + row(age="200", region=CANARY) + row(age="x"), "2 rows; column region: 1 row not among the declared values; column age: 1 row not a whole number; column age: 1 row out of range 0..120"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), CORPUS.values(), ids=CORPUS.keys())
def test_every_file_of_the_corpus_has_its_exact_outcome(tmp_path: Path, content: bytes | str, expected: str) -> None:
    assert outcome(tmp_path, content) == expected


def test_missing_values_are_counted_as_faults_unless_dropped(tmp_path: Path) -> None:
    content = HEADER + ",30,,1990-01-31,x\n" + row(age="")
    expected = "2 rows; column region: 1 row without a value; column age: 1 row without a value; column pay: 1 row without a value"
    assert outcome(tmp_path, content, missing="refuse") == expected


def test_a_file_of_one_column_has_a_missing_value_in_a_blank_line(tmp_path: Path) -> None:
    columns = {"age": COLUMNS["age"]}
    assert (
        outcome(tmp_path, 'age\n1\n\n""\n2\n\n', columns=columns, missing="refuse")
        == "5 rows; column age: 3 rows without a value"
    )
    assert (
        outcome(tmp_path, "age\r\n1\r\n\r\n2", columns=columns, missing="refuse")
        == "3 rows; column age: 1 row without a value"
    )


def test_only_the_columns_asked_for_must_be_there_and_right(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("region,age\nNorth,x\nSouth,7\n")
    with open_table(declare(), "d", tmp_path, ["region"]) as source:
        assert source.rows == 2
        assert list(source.declaration.columns) == ["region"]
    with pytest.raises(DataError, match=r"^d: no column pay; no column born$"):
        open_table(declare(), "d", tmp_path, {"region", "pay", "born"})
    with pytest.raises(InternalError, match="asked for columns that aren't declared: nonsense"):
        open_table(declare(), "d", tmp_path, {"nonsense"})


def test_max_rows_itself_is_fine_and_one_more_is_refused(tmp_path: Path) -> None:
    assert outcome(tmp_path, HEADER + GOOD * 3, max_rows=3) == "3 rows"
    assert outcome(tmp_path, HEADER + GOOD * 4, max_rows=3) == "d: 4 rows, more than max_rows 3"


def test_columns_that_differ_only_in_case_stay_apart(tmp_path: Path) -> None:
    columns = {"a": {"kind": "integer", "min": 0, "max": 5}, "A": {"kind": "integer", "min": 10, "max": 15}}
    assert outcome(tmp_path, "a,A\n1,11\n2,1\n", columns=columns) == "2 rows; column A: 1 row out of range 10..15"


@pytest.mark.parametrize("count", [1_000, 1_001, 30_000])
def test_categories_with_many_values_are_checked_alike(tmp_path: Path, count: int) -> None:
    values = [f"v{i}" for i in range(count)]
    columns = {"code": {"kind": "category", "values": values}}
    content = "code\n" + "".join(f"{value}\n" for value in values) + "v\n\nV1\n"
    expected = (
        f"{count + 3} rows; column code: 1 row without a value; column code: 2 rows not among the declared values"
    )
    assert outcome(tmp_path, content, columns=columns, missing="refuse") == expected


pieces = st.lists(st.sampled_from(["x", '"', ",", "\n", "\r\n", " ", "é", "#", "\\", "'"]), max_size=4)


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(pieces.map("".join), pieces.map("".join)), max_size=6),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_another_program_wrote_is_read_as_it_was_meant(
    tmp_path: Path, rows: list[tuple[str, str]], end: str, quoting: Literal[0, 1]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([("a", "b"), *rows])
    (tmp_path / "t.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    columns = {"a": {"kind": "text"}, "b": {"kind": "key"}}
    with open_table(declare(columns=columns), "d", tmp_path) as source:
        found = source.query(source.table)
    assert found["v0"].to_pylist() == [a or None for a, _ in rows]
    assert found["v1"].to_pylist() == [b or None for _, b in rows]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["x", '"', '""', ",", ",", "\n", "\n", "\r\n", "\r", " "]), max_size=16).map("".join))
def test_what_passes_the_scan_means_the_same_to_another_parser(tmp_path: Path, body: str) -> None:
    (tmp_path / "t.csv").write_text(f"a,b\n{body}", newline="")
    rows, fault = None, ""
    try:
        with open_table(declare(columns={"a": {"kind": "text"}, "b": {"kind": "key"}}), "d", tmp_path) as source:
            rows = source.query(source.table.select("v0", "v1")).to_pylist()
    except DataError as error:
        fault = error.message
    if rows is None:
        assert re.match(r"d: \d+ rows? with", fault)
    else:
        plain = [row for row in csv.reader(io.StringIO(body, newline=""), strict=True) if row]
        assert [[row["v0"], row["v1"]] for row in rows] == [[a or None, b or None] for a, b in plain]


@pytest.mark.by_day(3)
@pytest.mark.parametrize("pad", range(60, 70))
def test_rows_that_straddle_the_scanner_chunks_are_counted_once(
    tmp_path: Path, pad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpcgov.worker.csv_structure._CHUNK_BYTES", pad)
    content = (HEADER + row(note='"a ""b""\r\n,c"') * 5 + "\n" + GOOD * 5).replace("\n", "\r\n").replace("\r\r", "\r")
    assert outcome(tmp_path, content) == "10 rows"
    assert outcome(tmp_path, content + "North\r\n") == FIELDS.format("1 row")
    assert outcome(tmp_path, content + row(note='5"')) == QUOTE.format("1 row")


@pytest.mark.parametrize(
    "name", ["a*.csv", "a[1].csv", "a{1,2}.csv", "a'b.csv", 'a"b.csv', "ä ö.CSV", "a;b.csv", "a%41.csv", "a.txt"]
)
def test_the_file_is_the_one_that_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a1.csv").write_text(HEADER + GOOD * 7)
    assert outcome(tmp_path, HEADER + GOOD, name) == "1 rows"


def test_only_a_regular_file_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "secret.csv").write_text(HEADER)
    (tmp_path / "secret.csv").chmod(0)
    faults = {
        "folder.csv": "d: the source is not a regular file",
        "pipe.csv": "d: the source is not a regular file",
        "zero.csv": "d: the source leads out of its folder through a symbolic link",
        "loop.csv": "d: the source is not a path",
        "nul\0.csv": "d: the source is not a path",
        "none.csv": "d: the file can't be opened (No such file or directory)",
        "data.docx": "d: the source is of a kind that isn't read",
        "data": "d: there is no such file or folder",
        "/dev/zero": "d: the source is of a kind that isn't read",
    }
    if os.geteuid() != 0:
        faults["secret.csv"] = "d: the file can't be opened (Permission denied)"
    for source, expected in faults.items():
        with pytest.raises(DataError) as caught:
            dataset_check(declare(source), "d", tmp_path)
        assert caught.value.message == expected, source


def test_links_inside_the_folder_absolute_paths_and_parents_are_the_owners_choice(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "t.csv").write_text(HEADER + GOOD)
    (inner / "own.csv").write_text(HEADER + GOOD * 2)
    (inner / "link.csv").symlink_to("own.csv")
    (inner / "out.csv").symlink_to("../t.csv")
    assert dataset_check(declare("link.csv"), "d", inner).rows == 2
    assert dataset_check(declare("../t.csv"), "d", inner).rows == 1
    assert dataset_check(declare(str(tmp_path / "t.csv")), "d", inner).rows == 1
    with pytest.raises(DataError, match="symbolic link"):
        dataset_check(declare("out.csv"), "d", inner)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + GOOD)

    def looked_at(*_: object) -> tuple[str, ...]:
        path.write_text(HEADER + GOOD * 2)
        return ()

    monkeypatch.setattr("mpcgov.worker.source.remarks", looked_at)
    with pytest.raises(DataError, match=r"^d: the file changed while it was read$"):
        open_table(declare(), "d", tmp_path)


def test_rows_that_come_while_a_file_is_read_are_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + GOOD)
    scan = csv_structure.scan

    def grow(fd: int, columns: int, delimiter: str) -> csv_structure.Structure:
        found = scan(fd, columns, delimiter)
        path.write_text(HEADER + GOOD * 2)
        return found

    monkeypatch.setattr(csv_structure, "scan", grow)
    with pytest.raises(DataError, match=r"^d: the file changed while it was read$"):
        open_table(declare(), "d", tmp_path)


def test_an_engine_that_reads_other_rows_than_are_there_is_our_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpcgov.worker.csv_structure._ragged", lambda columns: "")
    monkeypatch.setattr("mpcgov.worker.csv_structure.Structure.note", lambda *_: None)
    with pytest.raises(InternalError, match=r"^d: the engine reads 1 rows where the file has 2$"):
        outcome(tmp_path, HEADER + GOOD + f"{CANARY}\n")


@pytest.mark.parametrize("waited", [False, True])
def test_the_engine_has_no_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waited: bool) -> None:
    monkeypatch.setattr(engine, "_warmed", [])
    if waited:
        engine.warm()
    (tmp_path / "t.csv").write_text(HEADER + GOOD)
    (tmp_path / "other.csv").write_text(HEADER + GOOD)
    with open_table(declare(), "d", tmp_path) as source:
        connection = source.backend
        for attempt in (
            lambda: connection.read_csv(str(tmp_path / "other.csv")),
            lambda: connection.raw_sql("COPY data TO 'out.csv'"),
            lambda: connection.raw_sql("INSTALL httpfs"),
            lambda: connection.raw_sql("SET enable_external_access = true"),
            lambda: connection.raw_sql("SET temp_directory = '/tmp'"),
        ):
            with pytest.raises(Exception, match=r"disabled|locked"):
                attempt()
        settings = connection.raw_sql("SELECT current_setting('temp_directory'), current_setting('threads')").fetchall()
        assert settings == [("", 1)]


def test_a_query_that_fails_says_nothing_of_the_engine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text(HEADER + row(note=CANARY))
    with open_table(declare(), "d", tmp_path) as source, pytest.raises(MpcgovError) as caught:
        source.query(source.table.select(x=source.table[source.value("note")].cast("int64")))
    assert caught.value.message == "d: the data can't be read"
    assert caught.value.__context__ is None
    assert CANARY not in "".join(capfd.readouterr())


def test_a_large_file_is_scanned_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + GOOD * 1_000_000)
    with path.open("rb") as file:
        tracemalloc.start()
        structure = csv_structure.scan(file.fileno(), 5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (structure.rows, structure.faults) == (1_000_000, {})
    assert peak < 100e6


@pytest.mark.parametrize("within", ["7,x\n", 'a""b,\n'])
def test_lines_within_quotes_are_no_rows_anywhere_in_a_large_file(tmp_path: Path, within: str) -> None:
    """The engine looked for rows from places in the middle of a file on, every 8 MB, and believed such lines."""
    note = within * 80
    (tmp_path / "t.csv").write_text("id,note\n" + f'1,"{note}"\n' * (20_000_000 // len(note)))
    columns = {"id": {"kind": "integer", "min": 1, "max": 1}, "note": {"kind": "text"}}
    with open_table(Dataset.model_validate({"source": "t.csv", "columns": columns}), "d", tmp_path) as source:
        assert source.rows == 20_000_000 // len(note)
        assert set(source.query(source.table)["v1"].to_pylist()) == {note.replace('""', '"')}


READS = """
import sys
from pathlib import Path
from mpcgov.spec.table import Dataset
from mpcgov.worker import engine, pieces, withheld
from mpcgov.worker.source import open_table

def most_bytes():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10

withheld.withhold()
engine.load()
pieces.MANY_CELLS = 1
columns = {"id": {"kind": "key"}, "n": {"kind": "integer", "min": 0, "max": 10**6}}
before = most_bytes()
with open_table(Dataset.model_validate({"source": "t.csv", "columns": columns}), "d", Path(sys.argv[1])):
    print(most_bytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has held at most is read from Linux's /proc")
def test_reading_a_large_file_takes_little_room_besides_what_is_kept(tmp_path: Path) -> None:
    """Half a million rows in 80 MB, of which 5 MB are kept: the engine's buffers and pieces are all that is added."""
    with (tmp_path / "t.csv").open("w") as file:
        file.write("id,note,n\n")
        file.writelines(f"{n * 7919 % 10**11:011},{'x' * 140},{n}\n" for n in range(500_000))
    command = [sys.executable, "-c", READS, str(tmp_path)]
    took = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert took < 75e6


@pytest.mark.parametrize("many", [1, 10**9])
def test_data_that_needs_too_much_memory_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(in_pieces, "MANY_CELLS", many)
    (tmp_path / "t.csv").write_text(HEADER + GOOD * 100_000)
    monkeypatch.setattr("os.sysconf", lambda name: 4096)
    with pytest.raises(DataError) as caught:
        open_table(declare(), "d", tmp_path)
    assert caught.value.message == "d: the data can't be read: it takes more memory than the engine may use"
    assert caught.value.__context__ is None


def test_a_large_file_is_held_compressed_and_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{'North' if n % 3 else 'West'},{n % 130},{n % 999}.5,1990-01-{1 + n % 31:02},\n" for n in range(250_000)]
    (tmp_path / "t.csv").write_text(HEADER + "".join(rows))

    def read() -> tuple[pa.Table, int]:
        with open_table(declare(), "d", tmp_path) as source:
            sizes = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
            return source.query(source.table), source.backend.con.execute(sizes).fetchone()[0]

    at_once, large = read()
    monkeypatch.setattr(in_pieces, "MANY_CELLS", 1)
    by_pieces, small = read()
    assert by_pieces.equals(at_once)
    assert 2 * small < large
