# ruff: noqa: E501
"""Numbers and dates in the forms in which registers write them: read as they are declared, or refused and said why."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError, SpecError
from mpcgov.node import units
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.checking import checked, is_one_of
from mpcgov.worker.engine import open_engine
from mpcgov.worker.profile import profile
from mpcgov.worker.readers.csv import dialect
from mpcgov.worker.readers.raw import Raw, Wanted
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table

DAY: dict[str, Any] = {"kind": "date", "min": "1900-01-01", "max": "2030-12-31"}
MONEY: dict[str, Any] = {"kind": "decimal", "min": -100_000, "max": 100_000, "places": 2}
WHOLE: dict[str, Any] = {"kind": "integer", "min": -100_000, "max": 100_000}


def read(folder: Path, source: str, column: dict[str, Any], **more: Any) -> list[Any]:
    dataset = validate({"source": source, "missing": "drop", "columns": {"x": column}, **more}, Dataset, "d")
    with open_table(dataset, "d", folder) as opened:
        return [row["v0"] for row in opened.query(opened.table.select("v0")).to_pylist()]


def of_lines(folder: Path, lines: list[str], column: dict[str, Any], **more: Any) -> list[Any]:
    (folder / "d.dat").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read(folder, "d.dat", column | {"at": [1, 30]}, **more)


def said(folder: Path, lines: list[str], column: dict[str, Any], **more: Any) -> str:
    (folder / "d.csv").write_text("".join(f"{line}\n" for line in ["x;y", *(f"{line};" for line in lines)]), "utf-8")
    whole = {"source": "d.csv", "delimiter": ";", "missing": "drop", "columns": {"x": column}, **more}
    return "; ".join(dataset_check(validate(whole, Dataset, "d"), "d", folder).faults)


NUMBERS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], list[int | None]]] = {
    "implied": (MONEY | {"implied": 2}, {}, ["0012345", "-12345", "7", "-7", "000", "1234567890123456789"], [12345, -12345, 7, -7, 0, None]),
    "fewer implied than places": (MONEY | {"implied": 1}, {}, ["00125", "-5"], [1250, -50]),
    "a point where one is implied": (MONEY | {"implied": 2}, {}, ["123.45", "1,5", "1 2"], [None, None, None]),
    "a sign behind": (MONEY | {"sign": "trailing"}, {"decimal": ","}, ["12,5-", "12,5+", "12,5", "12 -", "-12"], [-1250, 1250, 1250, -1200, None]),
    "a sign in front": (WHOLE | {"sign": "leading"}, {}, ["+12", "-12", "- 12", "12", "12-", "+-1"], [12, -12, -12, 12, None, None]),
    "a sign in the last digit": (WHOLE | {"sign": "overpunch"}, {}, ["12E", "12N", "12{", "12}", "12u", "12p", "125", "I", "1-5", "E2"], [125, -125, 120, -120, -125, -120, 125, 9, None, None]),
    "the same, implied": (MONEY | {"sign": "overpunch", "implied": 2}, {}, ["0000123E", "J"], [1235, -1]),
    "codes for no value": (MONEY | {"implied": 2, "missing": ["99999"]}, {}, ["0099999", "99998"], [None, 99998]),
    "codes with a sign": (WHOLE | {"sign": "overpunch", "missing": ["-99", "0.5"]}, {}, ["009R", "9I", "00"], [None, 99, 0]),
    "codes with leading zeros": (WHOLE | {"missing": "999"}, {}, ["0999", "999.0", "-999", "9990"], [None, None, -999, 9990]),
    "apostrophes of two kinds": (MONEY, {"thousands": "'"}, ["1'234.5", "1\u2019234.5", "1 234.5"], [123450, 123450, None]),
    "no digit before the point, or behind": (MONEY, {}, [".5", "-.25", "5.", "-5.", ".", "-.", ".125"], [50, -25, 500, -500, None, None, None]),
    "the same with a comma": (MONEY, {"decimal": ",", "thousands": "."}, [",5", "1.234,", "1.234.", "1.23,"], [50, 123400, None, None]),
    "blanks between thousands": (MONEY, {"thousands": " "}, ["12 345.5", "12\u00a0345", "12\u202f345", "12\u2009345", "1 2345", "12  345"], [1234550, 1234500, 1234500, 1234500, None, None]),
    "other blanks between thousands": (MONEY, {"thousands": "\u00a0"}, ["12 345"], [1234500]),
}  # fmt: skip


@pytest.mark.parametrize(("column", "more", "lines", "expected"), NUMBERS.values(), ids=NUMBERS.keys())
def test_a_number_is_read_as_it_is_declared_to_be_written(
    tmp_path: Path, column: dict[str, Any], more: dict[str, Any], lines: list[str], expected: list[int | None]
) -> None:
    assert of_lines(tmp_path, lines, column, **more) == expected


DATES = {
    "YYYYDDD": ("2024366", "2024001", "2023366", "2023000", "20231"),
    "YYYY/DDD": ("2024/366", "2024/1", "2023/366", "2023/0", "2023/"),
    "DDMONYYYY": ("31DEC2024", "01jan2024", "31FEB2024", "31DEZ2024", "1JAN2024"),
    "DD-MON-YYYY": ("31-Dec-2024", "1-JAN-2024", "31-02-2024", "31 DEC 2024", "31-December-2024"),
    "DD.MM.YYYY": ("31.12.2024 00:00:00", "1.1.2024 0:00", "31.12.2024 00:01", "31.12.24", "2024-12-31"),
    "MM/DD/YYYY": ("12/31/2024 12:00:00 AM", "1/1/2024", "31/12/2024", "12/31/2024 12:00 PM", "12/31"),
    "YYYYMMDD": ("20241231.0", "20240101", "20241232", "20241231.5", "2024-12-31"),
}


BESIDE = {
    "behind": ("001234-", [1, 6], 1), "before": ("+001234", [2, 7], 1), "before, in the middle": ("x -001234", [4, 9], 1),
    "of a date": ("2024-12", [1, 4], 0), "none": ("001234 -", [1, 6], 0), "inside": ("-01234", [1, 6], 0),
}  # fmt: skip


@pytest.mark.parametrize(("line", "at", "signs"), BESIDE.values(), ids=BESIDE.keys())
def test_a_sign_that_is_cut_off_is_pointed_out(tmp_path: Path, line: str, at: list[int], signs: int) -> None:
    (tmp_path / "d.dat").write_text(line + "\n")
    whole = {"source": "d.dat", "columns": {"x": WHOLE | {"at": at}}}
    found = dataset_check(validate(whole, Dataset, "d"), "d", tmp_path).warnings
    assert [one for one in found if "1 row with a sign just outside of what at names" in one] == list(found)[:signs]


def test_tabs_in_fixed_width_are_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "d.dat").write_text("ab\t12\ncd 34\n")
    whole = {"source": "d.dat", "columns": {"x": {"kind": "text", "at": [1, 2]}}}
    found = dataset_check(validate(whole, Dataset, "d"), "d", tmp_path).warnings
    assert found[0].startswith("1 row with a tab")


@pytest.mark.parametrize("form", DATES)
def test_a_date_is_read_as_it_is_declared_to_be_written(tmp_path: Path, form: str) -> None:
    expected = [date(2024, 12, 31), date(2024, 1, 1), None, None, None]
    assert of_lines(tmp_path, list(DATES[form]), DAY, date_format=form) == expected


@pytest.mark.parametrize(
    ("lines", "column", "more", "words"),
    [
        (["12E", "12}"], WHOLE, {}, "(2 that end with a letter or brace, as COBOL writes signs: set sign: overpunch)"),
        (["12-", "+12"], WHOLE, {}, "a minus behind: write plain numbers or set sign)"),
        (["1.25"], MONEY | {"implied": 2}, {}, "(1 with a decimal sign, where implied says that none is written)"),
        (["2024366"], DAY, {}, "not a date as YYYY-MM-DD (1 with day, month and year in another form or order: set"),
        (
            ["31DEC2024"],
            DAY,
            {},
            "(1 with the month by its name: write it as a number; or, of three English letters, set date_format:",
        ),
        (["2024-12-31"], DAY, {"date_format": "DD.MM.YYYY"}, "1 row not a date as DD.MM.YYYY (the first"),
        (["2023366"], DAY, {"date_format": "YYYYDDD"}, "1 row not a date as YYYYDDD (the first"),
    ],
)
def test_what_is_written_otherwise_says_what_to_declare(
    tmp_path: Path, lines: list[str], column: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    assert words in said(tmp_path, lines, column, **more)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"kind": "key", "sign": "trailing"}, "x: sign is said of a column that holds no numbers"),
        (WHOLE | {"implied": 2}, "x: implied is 2, so it must be a decimal with as many places"),
        (MONEY | {"implied": 3}, "x: implied is 3, so it must be a decimal with as many places"),
        (MONEY | {"sign": "behind"}, "'leading', 'trailing' or 'overpunch'"),
    ],
)
def test_signs_that_cannot_be_are_refused(column: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        validate({"source": "d.dat", "columns": {"x": column}}, Dataset, "d")
    assert words in caught.value.line()


def test_a_typed_source_is_written_in_its_dialect_where_it_holds_text(tmp_path: Path) -> None:
    def of(values: Any, column: dict[str, Any], **more: Any) -> list[Any]:
        pq.write_table(pa.table({"x": values}), tmp_path / "d.parquet")
        return read(tmp_path, "d.parquet", column, **more)

    whole = {"date_format": "YYYYMMDD", "decimal": ",", "thousands": "."}
    day, moments = date(2024, 12, 31), pa.array([datetime(2024, 12, 31), datetime(2024, 12, 31, 1)])  # noqa: DTZ001
    assert of(["1.234,5"], MONEY, **whole) == [123450]
    assert of([1234.5], MONEY, **whole) == [123450]
    assert of(["20241231"], DAY, **whole) == of([20241231], DAY, **whole) == of([day], DAY, **whole) == [day]
    assert of([20241231.0, None, 20241231.5], DAY, **whole) == [day, None, None]
    assert of([1012024, 31122024], DAY, date_format="DDMMYYYY") == [date(2024, 1, 1), day]
    assert of(moments, {"kind": "key"}) == ["2024-12-31", None]
    for column, more, words in (
        (DAY, {"date_format": "DD.MM.YYYY"}, "type int64 can't be read as a date column"),
        (MONEY | {"implied": 2}, {}, "implied and sign are said of texts, and it holds numbers: derive: {compute:"),
    ):
        with pytest.raises(DataError, match="column x: ") as caught:
            of([20241231], column, **more)
        assert words in caught.value.line()


@pytest.mark.parametrize(("value", "numbers"), [(20241231, ()), ("20241231", ("x",))])
def test_a_number_of_a_database_is_a_date_as_one_of_a_file_is(value: Any, numbers: tuple[str, ...]) -> None:
    """What a server writes is in no dialect; but a number may be a date in the declared digits all the same."""
    raw = Raw(ibis.memtable(pa.table({"c": [value]})), {"x": "c"}, 1, typed=True, plain=("x",), numbers=numbers)
    whole = {"source": "d", "decimal": ",", "date_format": "YYYYMMDD", "columns": {"x": DAY}}
    wanted = Wanted("d", dataset := validate(whole, Dataset, "d"), dataset.declaration)
    backend = open_engine()
    found = backend.to_pyarrow(checked(raw, wanted, is_one_of, dialect(wanted, "")))
    backend.disconnect()
    assert found["v0"].to_pylist() == [date(2024, 12, 31)]


def test_how_numbers_are_signed_is_part_of_how_values_are_made() -> None:
    def made(**more: Any) -> str:
        return units.made(validate({"source": "d.dat", "columns": {"x": MONEY | more}}, Dataset, "d"))["x"]

    assert len({made(), made(implied=2), made(implied=1), made(sign="trailing")}) == 4


@pytest.mark.parametrize("form", ["%d-%b-%Y", "%d.%m.%Y 00:00:00"])
def test_dates_with_months_by_name_or_at_midnight_are_profiled(tmp_path: Path, form: str) -> None:
    days = [date(2020, 1 + n % 12, 1 + n % 28).strftime(form) for n in range(60)]
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{day},{n % 3}\n" for n, day in enumerate(days)))
    assert "kind: date" in profile("d.csv", tmp_path)
