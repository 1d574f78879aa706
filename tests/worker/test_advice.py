# ruff: noqa: E501
"""What an owner is told of a file that isn't as declared: the cause, where it can be known, and never a value."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError, SpecError
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.table import Dataset
from mpcgov.worker.report import dataset_check
from mpcgov.worker.rows import Wanted, keyed_rows
from mpcgov.worker.source import open_table

NUMBER = {"kind": "integer", "min": 0, "max": 100}
GROUP = {"kind": "category", "values": ["x", "y", "Zürich"]}
COLUMNS: dict[str, Any] = {"id": NUMBER, "g": GROUP}


def said(folder: Path, source: str = "d.csv", **changes: Any) -> str:
    dataset = Dataset.model_validate({"source": source, "missing": "drop", "columns": COLUMNS, **changes})
    try:
        report = dataset_check(dataset, "d", folder)
    except DataError as error:
        return error.line()
    return "; ".join([f"{report.rows} rows", *report.faults])


FILES: dict[str, tuple[bytes, str]] = {
    "semicolons": (b"id;g\n1;x\n", "the header has 1 field and it holds ';': set delimiter: ';'"),
    "tabs": (b"id\tg\n1\tx\n", "it holds tab: set delimiter: tab"),
    "bars": (b"id|g\n1|x\n", "set delimiter: '|'"),
    "amounts in euros": ("id,g\n1 234.50 €,x\n1 234 EUR,x\n\u20135,x\n".encode(), "3 rows not a whole number (3 with other signs"),
    "a byte order mark twice": ("\ufeff\ufeffid,g\n1,x\n".encode(), "no column id, but one that differs only in blanks, case or Unicode form"),
    "a title": (b"Table 3: people\n\nid,g\n1,x\n", "the first line has 1 field, line 3 has more: set skip_lines: 2"),
    "Excel's note of the delimiter": (b"sep=,\nid,g\n1,x\n", "set skip_lines: 1"),
    "a footnote": (b"id,g\n1,x\n2,y\nSource: us\n", "(the first is row 3 under the header); the last lines may be notes"),
    "a footnote that has all delimiters": (b"id,g\n1,x\n2,y\nSource: us,\n", "(the first is row 3; so are all below it: notes or totals under the table?)"),
    "files that were joined": (b"id,g\n1,x\nid,g\n2,y\n", "1 row not a whole number (1 that are the header once more, as where files were joined: take them out) (the first is row 2); column g: 1 row not among the declared values (1 that are the header once more"),
    "files with marks that were joined": ("\ufeffid,g\n1,x\n\ufeffid,g\n2,y\n".encode(), "1 row not a whole number (1 that are the header once more"),
    "digits of other scripts": ("id,g\n\u0661\u0662,x\n\uff11,x\n".encode(), "2 rows not a whole number (2 in digits of another script or width"),
    "yes and no": (b"id,g\nYes,x\nno,x\n", "2 rows not a whole number (2 that are words, such as yes or no"),
    "a fraction": (b"id,g\n1.5,x\n", "(1 with more digits after the point: declare kind: decimal and as many places)"),
    "12.000, which may be twelve thousand": (b"id,g\n12.000,x\n12.0,x\n12.00,x\n", "1 row not a whole number (1 with another decimal sign or signs between thousands"),
    "other blanks between thousands": ("id,g\n1\u202f234,x\n1\u00a0234,x\n1\u2019234,x\n".encode(), "(3 with another decimal sign or signs between thousands"),
    "rows that end with a delimiter": (b"id,g\n1,x,\n2,y,\n", "the rows end with a delimiter and the header doesn't"),
    "a header that does": (b"id,g,\n1,x\n2,y\n", "the header ends with a delimiter and the rows don't"),
    "quoted names between semicolons": (b'"id";"g"\n"1";"x"\n', "the header can't be read: a quote is out of place, or it is over 1 MiB; set delimiter: ';'"),
    "a quote within a field": (b'id,g\n1,5" pipe\n', "a quote within a field is written twice, and the field stands between quotes"),
    "decimal commas between commas": (b"id,g\n1,2,5\n2,3,5\n", "fields that hold the delimiter, such as 2,5, stand between quotes"),
    "columns of blanks": (b"id   g\n1    x\n", "a file of fixed width is declared by at: [first, last]"),
    "windows-1252": ("id,g\n1,Zürich\n".encode("cp1252"), "set encoding, such as windows-1252"),
    "UTF-16": ("id,g\n1,x\n".encode("utf-16"), "set encoding: utf-16"),
    "an archive that is cut": (b"PK\x03\x04" + b"0" * 100, "damaged, or packed in a way that isn't read"),
    "Parquet": (b"PAR1" + b"0" * 100, "not CSV but a Parquet file: name it .parquet"),
    "a blank in a name": (b"id ,g\n1,x\n", "no column id, but one that differs only in blanks: give its name there by from"),
    "case of a name": (b"ID,g\n1,x\n", "no column id, but one that differs only in case"),
    "padded values": (b"id,g\n1,x \n 2,y\n", "column id: 1 row not a whole number (1 with blanks before or after the value)"),
    "case of values": (b"id,g\n1,X\n", "not among the declared values (1 but for blanks, case, Unicode form or .0 at the end)"),
    "Unicode form of values": ("id,g\n1,Zu\u0308rich\n".encode(), "(1 but for blanks, case, Unicode form or .0 at the end)"),
    "a decimal comma": (b'id,g\n"1.234,50",x\n', "(1 with another decimal sign or signs between thousands"),
    "thousands with blanks": (b"id,g\n1 000,x\n", "(1 with another decimal sign or signs between thousands"),
    "codes for no value": (b"id,g\nNA,x\n.,?\n", "not a whole number (2 that look like a code for no value, such as NA or .: declare it by missing) (the first is row 1); column g: 1 row not among the declared values (1 that look like a code for no value"),
    "lines that end with CR alone": (b"id,g\r1,x\r2,y\r", "lines that end with CR alone, as old Macs wrote them"),
    "UTF-16 without a mark": ("id,g\n1,x\n".encode("utf-16-le"), "every second byte is NUL: set encoding: utf-16-le"),
    "formulas of a workbook": (b'id,g\n="01",x\n', 'fields such as ="0123" are formulas of a workbook'),
    "single quotes": (b"id,g\n'1','x, y'\n", "fields stand between single quotes: write double ones"),
    "JSON": (b'[{"id": 1}]\n', "not CSV but HTML, XML or JSON"),
    "other signs": ("id,g\n+1,x\n5%,x\n$5,x\n1e3,x\n5-,x\n(5),x\n\u22125,x\nabc,x\n".encode(), "8 rows not a whole number (7 with other signs, such as +, %, a currency"),
    "blanks that nobody sees": ("id,g\n1,x\u00a0\n2,\u200bx\n".encode(), "2 rows not among the declared values (2 but for blanks"),
    "floats of codes": (b"id,g\n1,x.0\n", "1 row not among the declared values (1 but for blanks"),
    "backslashes before quotes": (b'id,g\n1,"a \\"b\\" c"\n', "quotes within fields have a backslash before them: write them twice instead"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES.keys())
def test_the_cause_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    assert words in said(tmp_path)


DIALECTS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "semicolons and a decimal comma": ("id;g;pay\n1;Zürich;1.234,50\n2;x;-17,00\n".encode(), {"delimiter": ";", "decimal": ",", "thousands": "."}),
    "windows-1252": ("id,g,pay\n1,Zürich,1234.50\n2,x,-17\n".encode("cp1252"), {"encoding": "windows-1252"}),
    "UTF-16 and tabs": ("id\tg\tpay\n1\tZürich\t1234.5\n2\tx\t-17\n".encode("utf-16"), {"encoding": "utf-16", "delimiter": "tab"}),
    "lines before the header": ("Table 3\n\nid,g,pay\n1,Zürich,1234.5\n2,x,-17\n".encode(), {"skip_lines": 2}),
    "compressed": (gzip.compress("id,g,pay\n1,Zürich,1234.5\n2,x,-17\n".encode()), {}),
}  # fmt: skip


@pytest.mark.parametrize(("content", "dialect"), DIALECTS.values(), ids=DIALECTS.keys())
def test_a_declared_dialect_is_read(tmp_path: Path, content: bytes, dialect: dict[str, Any]) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    pay = {"kind": "decimal", "min": -20, "max": "1234.5", "places": 2}
    assert said(tmp_path, columns={**COLUMNS, "pay": pay}, **dialect) == "2 rows"


def test_numbers_of_another_dialect_are_counted_and_never_guessed(tmp_path: Path) -> None:
    rows = b"n\n1.234\n12.34\n1,5\n1.234.567\n7\n"
    (tmp_path / "d.csv").write_bytes(rows)
    column = {"n": {"kind": "integer", "min": 0, "max": 10**9}}
    found = said(tmp_path, columns=column, delimiter=";", decimal=",", thousands=".")
    assert found.startswith("5 rows; column n: 2 rows not a whole number")  # 12.34 and 1,5


def test_dates_are_read_in_their_declared_order(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"b\n02.11.1980\n2.1.1980\n31.02.1980\n1980-11-02\n")
    column = {"b": {"kind": "date", "min": "1980-01-02", "max": "1980-11-02"}}
    found = said(tmp_path, columns=column, date_format="DD.MM.YYYY")
    assert found.startswith("4 rows; column b: 2 rows not a date")  # 31 February, and another order
    (tmp_path / "d.csv").write_bytes(b"b\n02/11/1980\n11/22/1980\n")
    assert "with day, month and year in another form" in said(tmp_path, columns=column, date_format="DD/MM/YYYY")
    assert "with day, month and year in another form" in said(tmp_path, columns=column)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "with a year of two digits") for text in ("02.01.20", "02-JAN-20", "2 Ene. 20")),
        ("02-JAN-2020", "with the month by its name"),
        ("2. Januar 2020", "with the month by its name"),
        ("43831", "days counted by a number"),
        ("2020-01", "without a day or a month"),
        *((period, "without a day or a month") for period in ("2020Q1", "2020-Q1", "2020M03", "2020-W05", "Q1/2020")),
        ("2020-01-02T00:00:00Z", "with a time of day or a time zone"),
    ],
)
def test_what_a_date_is_that_is_none_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "d.csv").write_text(f"b\n{text}\n2020-01-02\n")
    found = said(tmp_path, columns={"b": {"kind": "date", "min": "1900-01-01", "max": "2030-12-31"}})
    assert f"1 row not a date as YYYY-MM-DD (1 {'that are ' if text == '43831' else ''}{words}" in found


def test_codes_for_missing_values_are_missing_and_names_are_those_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"Personen ID,2024,g\n999999999,1,.\n7,NA,x\n8,2,y\n")
    columns = {
        "id": {"kind": "key", "from": "Personen ID", "missing": ["999999999"]},
        "y2024": {**NUMBER, "from": "2024"},
        "g": GROUP,
    }
    dataset = {"columns": columns, "missing": ["NA", "."]}
    declared = Dataset.model_validate({"source": "d.csv", **dataset})
    assert [(c.column, c.missing) for c in dataset_check(declared, "d", tmp_path).columns] == [
        ("id", 1),
        ("y2024", 1),
        ("g", 1),
    ]
    assert declared.missing == "drop"
    assert "from" not in declared.declaration.model_dump_json()  # a card shows what is meant, not how it is written
    (tmp_path / "d.csv").write_bytes(b"until\n9999-12-31\n2020-01-01 00:00:00\n2020-01-01T12:00:00\n02.01.2020\n")
    until = {"kind": "date", "min": "2000-01-01", "max": "2030-12-31"}
    found = said(tmp_path, columns={"until": until})
    assert "1 row out of range 2000-01-01..2030-12-31 (1 that look like a code for no value" in found
    assert (
        "column until: 2 rows not a date as YYYY-MM-DD (1 with day, month and year in another form or order: set date_format, such as DD.MM.YYYY or YYYYDDD, 1 with a time of day or a time zone)"
        in found
    )
    for number in (pa.array([999, 7, 8]), pa.array([999.0, 7.0, 8.0])):
        pq.write_table(pa.table({"id": number}), tmp_path / "d.parquet")
        column = {"id": {"kind": "integer", "min": 0, "max": 10, "missing": ["999"]}}
        assert said(tmp_path, "d.parquet", columns=column) == "3 rows"


def test_codes_that_a_number_column_took_the_zeros_of_are_pointed_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"g": [1, 2, 10, 3]}), tmp_path / "d.parquet")
    group: dict[str, Any] = {"kind": "category", "values": ["01", "02", "10"]}
    found = said(tmp_path, "d.parquet", columns={"g": group})
    assert "3 rows not among the declared values (2 but for zeros before them" in found
    recoded = group | {"recode": {"1": "01", "2": "02", "3": "02"}}
    assert said(tmp_path, "d.parquet", columns={"g": recoded}) == "4 rows"


def test_codes_are_recoded_by_their_owner(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"id,g\n1,GR11\n2,EL11\n3,GR12\n")
    group = {"kind": "category", "values": ["EL11"], "recode": {"GR11": "EL11"}}
    assert said(tmp_path, columns={"g": group}) == (
        "3 rows; column g: 1 row not among the declared values (the first is row 3)"
    )


def test_a_key_that_stands_for_nobody_is_pointed_out(tmp_path: Path) -> None:
    rows = "".join(f"{n}\n" for n in range(20)) + "999\n" * 30
    (tmp_path / "d.csv").write_text("id\n" + rows)
    key: dict[str, Any] = {"kind": "key"}
    warned = dataset_check(Dataset.model_validate({"source": "d.csv", "columns": {"id": key}}), "d", tmp_path)
    assert warned.warnings == (
        "column id: one key has 30 rows, the next 1; if it stands for no value, declare it by missing",
    )
    (tmp_path / "d.csv").write_text("id\n" + "1\n2\n99999\nNA\n")
    few = dataset_check(Dataset.model_validate({"source": "d.csv", "columns": {"id": key}}), "d", tmp_path)
    assert few.warnings[0].startswith("column id: 2 rows with a key that looks like a code for no value")
    (tmp_path / "d.csv").write_text("id\n" + rows)
    declared = {"source": "d.csv", "missing": "drop", "columns": {"id": key | {"missing": ["999"]}}}
    assert dataset_check(Dataset.model_validate(declared), "d", tmp_path).warnings == ()


def test_the_owner_is_told_the_first_row_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"id,g\n1,x\n2,y\nSource: us,\n")
    assert (
        said(tmp_path)
        == "3 rows; column id: 1 row not a whole number (the first is row 3; so are all below it: notes or totals under the table?)"
    )


KEYS: dict[str, tuple[dict[str, Any], int]] = {
    "length": ({"length": 3}, 3),
    "pattern": ({"pattern": "[0-9]{3}|12"}, 2),
    "pattern of the whole": ({"pattern": "1"}, 5),
    "padded, then judged": ({"zeros": "pad 3", "length": 3}, 2),
    "stripped, then judged": ({"zeros": "strip", "length": 2}, 3),
    "digits made of a decimal": ({"normalise": ["digits"]}, 1),
}


@pytest.mark.parametrize(("key", "malformed"), KEYS.values(), ids=KEYS.keys())
def test_a_key_is_what_it_is_declared_to_be(tmp_path: Path, key: dict[str, Any], malformed: int) -> None:
    (tmp_path / "d.csv").write_bytes(b"id\n012\n123\n12\n1234\n10.0\n")
    dataset = Dataset.model_validate({"source": "d.csv", "columns": {"id": {"kind": "key", **key}}})
    (column,) = dataset_check(dataset, "d", tmp_path).columns
    assert column.malformed == malformed


def test_check_digits_are_those_of_python_stdnum(tmp_path: Path) -> None:
    pytest.importorskip("stdnum")
    (tmp_path / "d.csv").write_bytes(b"id\n37605030299\n37605030298\nx\n")
    assert "2 rows not a key as declared" in said(tmp_path, columns={"id": {"kind": "key", "check": "ee.ik"}})
    assert "there is no check ee.nonsense" in said(tmp_path, columns={"id": {"kind": "key", "check": "ee.nonsense"}})


def test_ids_in_a_number_column_have_lost_their_zeros(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [7, 12]}), tmp_path / "d.parquet")
    key = {"kind": "key", "normalise": ["digits"]}
    assert "leading zeros are lost" in said(tmp_path, "d.parquet", columns={"id": key})
    assert said(tmp_path, "d.parquet", columns={"id": key | {"zeros": "pad 8", "length": 8}}) == "2 rows"
    plain = Dataset.model_validate({"source": "d.parquet", "columns": {"id": {"kind": "key"}}})
    (warning,) = dataset_check(plain, "d", tmp_path).warnings
    assert warning.startswith("column id: its ids stand in a number column, so none has leading zeros")


def test_ids_that_a_workbook_holds_as_numbers_have_lost_their_zeros(tmp_path: Path) -> None:
    workbook = pytest.importorskip("openpyxl").Workbook()
    for row in (["id"], ["007"], [12]):
        workbook.active.append(row)
    workbook.save(tmp_path / "d.xlsx")
    assert "leading zeros are lost" in said(
        tmp_path, "d.xlsx", columns={"id": {"kind": "key", "normalise": ["digits"]}}
    )
    strip = {"kind": "key", "normalise": ["digits"], "zeros": "strip"}
    assert said(tmp_path, "d.xlsx", columns={"id": strip}) == "2 rows"


def test_what_looks_wrong_is_pointed_out_whatever_is_declared(tmp_path: Path) -> None:
    lines = [f"{3 + n},{n},,{n % 2}" for n in range(39)] + ["PID,39,,1"]
    (tmp_path / "d.csv").write_text("pid,n,none,flag\n" + "\n".join(lines) + f"\nSum,{sum(range(40))},,\n")
    columns = {"pid": {"kind": "key"}, "n": {**NUMBER, "max": 10**6}, "none": NUMBER, "flag": NUMBER}
    dataset = Dataset.model_validate({"source": "d.csv", "missing": "drop", "columns": columns})
    assert dataset_check(dataset, "d", tmp_path).warnings == (
        "column pid: 1 row with the column's own name as a key: a header among the rows?",
        "column n: one row has the sum of all others: is it a line of totals?",
        "column none: no row has a value",
    )  # fmt: skip


def test_long_numbers_of_a_workbook_are_no_keys(tmp_path: Path) -> None:
    """Several persons' numbers become one where a workbook keeps 15 digits."""
    key: dict[str, Any] = {"id": {"kind": "key"}}
    (tmp_path / "d.csv").write_text("id\n3.1E+11\n3.1e+11\nA+B\n")
    assert "2 rows not a key as declared (2 as a workbook shows long numbers" in said(tmp_path, columns=key)
    assert said(tmp_path, columns={"id": {**key["id"], "pattern": "[A3].*"}}) == "3 rows"
    workbook = pytest.importorskip("openpyxl").Workbook()
    for row in (["id"], [1234567890123456], [123456789012345]):
        workbook.active.append(row)
    workbook.save(tmp_path / "d.xlsx")
    assert "1 row not a key as declared (1 as a workbook shows" in said(tmp_path, "d.xlsx", columns=key)


def test_keys_with_blanks_around_them_are_pointed_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a1      ", "b2      ", "c3"]}), tmp_path / "d.parquet")
    for normalise, warnings in ((["trim"], 0), ([], 1)):
        column = {"kind": "key", "normalise": normalise}
        dataset = Dataset.model_validate({"source": "d.parquet", "columns": {"id": column}})
        found = dataset_check(dataset, "d", tmp_path).warnings
        with open_table(dataset, "d", tmp_path) as source:
            notes = keyed_rows(source, Wanted(("id",), (), {})).notes
        assert len(found) == len(notes) == warnings
        assert all("2 rows with blanks around the key" in line for line in (*found, *notes))


def test_keys_that_look_like_others_are_pointed_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a\x00", "b\xad1", "\u200ec", "e\u0301", "\u00e9", "d"]}), tmp_path / "d.parquet")
    unseen = "column id: 3 rows with characters in the key that nobody sees"
    nothing = "column id: 5 rows with nothing left of the key"
    apart = "column id: 1 row with a key whose accents are characters of their own"
    for normalise, words in (([], [unseen, apart]), (["nfkc"], [unseen]), (["digits"], [nothing])):
        column = {"kind": "key", "normalise": normalise}
        found = dataset_check(Dataset.model_validate({"source": "d.parquet", "columns": {"id": column}}), "d", tmp_path)
        assert [line[: len(one)] for line, one in zip(found.warnings, words, strict=True)] == words


def test_keys_of_other_signs_that_look_the_same_are_pointed_out(tmp_path: Path) -> None:
    keys = ["00\u00a01", "00\u20112", "\uff10\uff11", "\u0661", "00 1", "00-2", "Jos\u00e9", "O'Brien"]
    pq.write_table(pa.table({"id": keys}), tmp_path / "d.parquet")
    for normalise, words in (([], ["column id: 4 rows with a key in which a blank, a hyphen"]), (["nfkc"], [])):
        column = {"kind": "key", "normalise": normalise}
        found = dataset_check(Dataset.model_validate({"source": "d.parquet", "columns": {"id": column}}), "d", tmp_path)
        assert [line[: len(one)] for line, one in zip(found.warnings, words, strict=True)] == words


@pytest.mark.parametrize(
    ("check", "keys", "normalise", "rows"),
    [
        ("iban", ["DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "de89370400440532013000"], [], 2),
        ("iban", ["de89370400440532013000"], ["casefold"], 0),
        ("ch.ssn", ["756.9217.0769.85", "7569217076985"], [], 1),
        ("ch.ssn", ["756.9217.0769.85", "7569217076985"], ["digits"], 0),
        ("nl.bsn", ["111222333", "12345672"], ["digits"], 1),
        ("luhn", ["79927398713"], [], 0),
    ],
)
def test_writings_that_pass_a_check_and_do_not_meet_are_pointed_out(
    tmp_path: Path, check: str, keys: list[str], normalise: list[str], rows: int
) -> None:
    pytest.importorskip("stdnum")
    (tmp_path / "d.csv").write_text("id\n" + "\n".join(keys) + "\n")
    column = {"kind": "key", "check": check, "normalise": normalise}
    found = dataset_check(Dataset.model_validate({"source": "d.csv", "columns": {"id": column}}), "d", tmp_path)
    assert found.faults == ()
    words = f"column id: {rows} row{'s' * (rows > 1)} with a key that passes its check in another writing"
    assert [line.startswith(words) for line in found.warnings] == [True] * bool(rows)


@pytest.mark.parametrize(("last", "warnings"), [("Total,,", 1), ("Total,5,", 0), ("x12,1,y", 0)])
def test_a_note_under_a_table_that_could_be_a_key_is_pointed_out(tmp_path: Path, last: str, warnings: int) -> None:
    rows = "".join(f"x{n},{n},y\n" for n in range(12))
    (tmp_path / "d.csv").write_text(f"id,n,g\n{rows}{last}\n")
    columns = {"id": {"kind": "key"}, "n": NUMBER, "g": {"kind": "category", "values": ["y"]}}
    dataset = Dataset.model_validate({"source": "d.csv", "missing": "drop", "columns": columns})
    found = dataset_check(dataset, "d", tmp_path).warnings
    assert [line.startswith("column id: the last row has a value there and in no other") for line in found] == [
        True
    ] * warnings


def test_whole_numbers_written_as_floats_are_whole_numbers_and_no_keys(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"id,n\n1.0,1.0\n12.0,\n,2.5\n")
    found = said(tmp_path, columns={"id": {"kind": "key"}, "n": NUMBER})
    assert "column id: 2 rows not a key as declared (2 with .0 at the end" in found
    assert "column n: 1 row not a whole number" in found
    assert said(tmp_path, columns={"id": {"kind": "key", "pattern": ".*"}}) == "3 rows"


@pytest.mark.parametrize("log", ["d/_delta_log/0.json", "d/.hoodie/0.commit", "metadata/v1.metadata.json"])
@pytest.mark.parametrize("source", ["d", "d/*.parquet"])
def test_a_folder_that_holds_rows_which_its_table_no_longer_has_is_refused(
    tmp_path: Path, source: str, log: str
) -> None:
    for path in (tmp_path / "d" / "part-0.parquet", tmp_path / log):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": [1], "g": ["x"]}), path)
    assert "a table of Delta, Iceberg or Hudi" in said(tmp_path, source)


def test_files_of_a_folder_that_differ_are_refused_by_column(tmp_path: Path) -> None:
    for part, kind in enumerate((pa.string(), pa.int64())):
        (tmp_path / "d").mkdir(exist_ok=True)
        pq.write_table(pa.table({"id": pa.array([1]).cast(kind), "g": ["x"]}), tmp_path / "d" / f"{part}.parquet")
    assert "the files of the folder differ: column id: type int64 and string in different files" in said(tmp_path, "d")


def test_a_folder_as_spark_writes_it_is_one_data_set(tmp_path: Path) -> None:
    for group, ids in (("x", [1, 2]), ("y", [3])):
        folder = tmp_path / "d.parquet" / f"g={group}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": ids}), folder / "part-0.parquet")
    (tmp_path / "d.parquet" / "_SUCCESS").touch()
    assert said(tmp_path, "d.parquet") == said(tmp_path, "d.parquet/*/*.parquet") == "3 rows"
    (tmp_path / "d.parquet" / "notes.csv").write_text("id\n")
    assert "1 files of the folder aren't Parquet" in said(tmp_path, "d.parquet")


@pytest.mark.parametrize(
    ("column", "text", "codes"),
    [
        ({"kind": "key", "normalise": ["digits"]}, "999-99-9999", ["999999999"]),
        ({"kind": "key", "normalise": ["trim", "casefold"]}, " Unknown ", ["UNKNOWN"]),
        ({"kind": "key", "zeros": "strip"}, "0099", ["99"]),
        ({"kind": "key", "zeros": "pad 4"}, "99", ["0099"]),
        ({"kind": "decimal", "min": -10, "max": 10, "places": 2}, "-9.00", ["-9"]),
        ({"kind": "decimal", "min": -10, "max": 10, "places": 2}, "-9.5", ["-9.50"]),
        ({"kind": "integer", "min": -10, "max": 100}, "-9.0", ["-9"]),
    ],
)
def test_a_code_for_no_value_is_one_however_it_is_written(
    tmp_path: Path, column: dict[str, Any], text: str, codes: list[str]
) -> None:
    (tmp_path / "d.csv").write_text(f"c\n{text}\n5\n")
    for missing, rows in ((codes, 1), ([], 0), (["NA"], 0)):
        declared = {"source": "d.csv", "missing": "drop", "columns": {"c": {**column, "missing": missing}}}
        assert dataset_check(Dataset.model_validate(declared), "d", tmp_path).columns[0].missing == rows


@pytest.mark.parametrize(
    ("content", "encoding", "words"),
    [
        ("id,g\n1,Z\u00fcrich\n".encode(), "latin-1", "not in iso8859-1 but in UTF-8"),
        ("\ufeffid,g\n1,x\n".encode(), "windows-1252", "not cp1252 but UTF-8; leave out encoding"),
    ],
)
def test_utf8_is_not_taken_for_another_encoding(tmp_path: Path, content: bytes, encoding: str, words: str) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    assert words in said(tmp_path, encoding=encoding)


@pytest.mark.parametrize(
    ("text", "words"),
    [("00.00.0000", "that look like a code for no value"), ("00.05.1980", "without a day or a month")],
)
def test_dates_of_zeros_are_no_dates_of_another_form(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "d.csv").write_text(f"b\n{text}\n01.02.1990\n")
    column = {"b": {"kind": "date", "min": "1980-01-02", "max": "1999-11-02"}}
    assert f"1 row not a date as DD.MM.YYYY (1 {words}" in said(tmp_path, columns=column, date_format="DD.MM.YYYY")


def test_notes_are_looked_for_below_lines_only(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array(["1", "2", "x"])}), tmp_path / "d.parquet")
    found = said(tmp_path, "d.parquet", columns={"n": NUMBER})
    assert found == "3 rows; column n: 1 row not a whole number (the first is row 3)"


def test_skipping_every_line_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,g\n1,x\n")
    assert "the file is empty; a data set without rows still has a header; skip_lines may be too many" in said(
        tmp_path, skip_lines=5
    )


@pytest.mark.parametrize("missing", ["[NA, NULL]", "[~]"])
def test_a_code_that_yaml_takes_for_nothing_is_to_be_quoted(tmp_path: Path, missing: str) -> None:
    for place in (
        f"columns: {{n: {{kind: key, missing: {missing}}}}}",
        f"missing: {missing}, columns: {{n: {{kind: key}}}}",
    ):
        (tmp_path / "datasets.yaml").write_text(f"d: {{source: d.csv, {place}}}\n")
        with pytest.raises(SpecError, match="YAML takes for nothing, such as NULL or ~: write 'NULL'"):
            load_datasets(tmp_path / "datasets.yaml")


def test_one_code_needs_no_list(tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("d: {source: d.csv, columns: {n: {kind: key, missing: NA}}}\n")
    assert load_datasets(tmp_path / "datasets.yaml").root["d"].reading("n").missing == ("NA",)
