"""A first declaration of a file: one that the file passes, and that shows nobody's own values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.table import Column
from mpcgov.worker import report
from mpcgov.worker.profile import profile
from tests import nightly
from tests.worker.test_every_reader import SOURCES

CODES = "Personen ID,place,kind,pay,born,note\n"


def rows(delimiter: str = ",", comma: str = ".", date: str = "{0}-03-04") -> str:
    lines = [
        (
            f"{n:04d}",
            "Unheardof" if n == 7 else "Here",
            "AB"[n % 2],
            "NA" if n == 3 else f"{1234 + n}{comma}25",
            date.format(1950 + n),
            "",
        )
        for n in range(40)
    ]
    return CODES.replace(",", delimiter) + "".join(delimiter.join(line) + "\n" for line in lines)


def declared(folder: Path, text: str) -> tuple[str, dict[str, Column]]:
    (folder / "people.csv").write_text(text)
    said = profile("people.csv", folder)
    (folder / "datasets.yaml").write_text(said)
    people = load_datasets(folder / "datasets.yaml").root["people"]
    assert report.dataset_check(people, "people", folder).faults == ()
    return said, dict(people.columns)


@pytest.mark.parametrize(
    "text", [rows(), rows(";", ",", "04.03.{0}")], ids=["plain", "semicolons, decimal commas and other dates"]
)
def test_a_file_passes_what_is_first_declared_of_it(tmp_path: Path, text: str) -> None:
    said, columns = declared(tmp_path, text)
    assert {name: column.kind for name, column in columns.items()} == {
        "Personen_ID": "key", "place": "text", "kind": "category", "pay": "decimal", "born": "date", "note": "text",
    }  # fmt: skip
    assert 'pay: {kind: decimal, min: "1230.00", max: "1275.00", places: 2, missing: [NA]}' in said


def test_no_rare_value_and_no_persons_own_number_is_shown(tmp_path: Path) -> None:
    said, _ = declared(tmp_path, rows())
    assert "Here" not in said
    for own in ("Unheardof", "1234", "1273", "0039", "1950-03-04", "1989-03-04"):
        assert own not in said


EXPECTED = {"id": "key", "region": "category", "age": "integer", "pay": "decimal", "born": "date", "note": "text"}


def profiled(source: str, folder: Path) -> tuple[str, dict[str, Column]]:
    said = profile(source, folder)
    (folder / "datasets.yaml").write_text(said)
    ((name, dataset),) = load_datasets(folder / "datasets.yaml").root.items()
    assert report.dataset_check(dataset, name, folder).faults == ()
    return said, dict(dataset.columns)


NAMED = {name: one[:2] for name, one in SOURCES.items() if name != "fixed width"}


ALWAYS = "csv", "excel", "spss", "parquet by pandas"
"""That others read the same as these is tested in `test_every_reader`."""


@pytest.mark.by_day(1)
@pytest.mark.parametrize("name", nightly.first(len(ALWAYS), [*ALWAYS, *(name for name in NAMED if name not in ALWAYS)]))
def test_each_readers_sample_passes_and_is_told_alike(tmp_path: Path, name: str) -> None:
    write, source = NAMED[name]
    write(tmp_path / source.partition("#")[0].partition("/")[0])
    said, columns = profiled(source, tmp_path)
    assert {name: column.kind for name, column in columns.items()} == EXPECTED, said
    assert "unique: [[id]]" in said


def test_a_file_without_names_is_left_to_who_knows_them(tmp_path: Path) -> None:
    write, source, _ = SOURCES["fixed width"]
    write(tmp_path / source)
    with pytest.raises(DataError, match="a file of fixed width has no names") as caught:
        profile(source, tmp_path)
    assert "at: [1, 8]" in (caught.value.hint or "")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("tax/taxpayers", "census/residents")]


@pytest.mark.parametrize("register", ["tax/statements", *SLOW])
def test_the_examples_files_pass(tmp_path: Path, register: str) -> None:
    file = Path(__file__).parents[2] / "examples" / "agencies" / f"{register}.csv"
    (tmp_path / file.name).write_bytes(file.read_bytes())
    profiled(file.name, tmp_path)


@pytest.mark.parametrize("wide", [24, pytest.param(300, marks=pytest.mark.slow)])
def test_a_file_of_many_columns_passes(tmp_path: Path, wide: int) -> None:
    cells = ("{0}", "{1}", "x{1}", "{1}.5", "19{1}0-01-02", "  y {0}")
    with (tmp_path / "wide.csv").open("w") as file:
        print(",".join(f"c{n}" for n in range(wide)), file=file)
        for row in range(100):
            print(",".join(cells[n % 6].format(row * 37, row % 10) for n in range(wide)), file=file)
    (tmp_path / "datasets.yaml").write_text(profile("wide.csv", tmp_path))  # which has checked it
    columns = load_datasets(tmp_path / "datasets.yaml").root["wide"].columns
    kinds = ["integer", "integer", "category", "decimal", "date", "text"]
    assert [column.kind for column in columns.values()] == kinds * (wide // 6)


def test_codes_for_no_value_and_keys_are_told(tmp_path: Path) -> None:
    lines = ["id,age,left,pin,sum"]
    for n in range(200):
        unknown = n % 10 == 0
        age, left = (999, "9999-12-31") if unknown else (n % 90, f"20{n % 20:02d}-02-03")
        lines.append(f"{n * 7919 % 100_000:05d},{age},{left},{'00000' if unknown else 10000 + n},{n * 1000 - 500}")
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    said, _ = profiled("people.csv", tmp_path)
    assert 'age: {kind: integer, min: 0, max: 90, missing: ["999"]}' in said
    assert 'left: {kind: date, min: "2000-01-01", max: "2019-12-31", missing: ["9999-12-31"]}' in said
    assert 'pin: {kind: key, missing: ["00000"]}' in said
    assert "each has 5 characters: length: 5" in said


@pytest.mark.parametrize("case", ["types", "zeros"])
def test_what_cannot_be_declared_is_left_out_with_its_reason(tmp_path: Path, case: str) -> None:
    columns: dict[str, Any] = {
        "types": {
            "n": range(20), "list": [[1]] * 20, "wide": pa.array([Decimal(n) for n in range(20)], pa.decimal256(50, 2)),
            "twin": range(20), "Twin": range(20),
            "noon": pa.array([10**6] * 20, pa.timestamp("s")), "e": [1.5e300] * 20, "yes": [True] * 20,
        },
        "zeros": {"zip": [f"0{n % 2}" for n in range(20)], "huge": [str(n) + "0" * 20 for n in range(1, 21)]},
    }[case]  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    said, found = profiled("d.parquet", tmp_path)
    assert case == "zeros" or "# twin:  # another column's name differs only in case" in said
    expected = {"types": {"n": "integer", "yes": "category"}, "zeros": {"zip": "category", "huge": "text"}}
    assert {name: column.kind for name, column in found.items()} == expected[case], said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Report of 2025\n\na;b\n" + "1.234,50;01.02.2020\n2,25;31.12.1999\n" * 10, ("decimal", "date")),
        ("a\tb\n" + "1'234.5\t20200131\n2.25\t19991231\n" * 10, ("decimal", "date")),
        ("Report;\n;\na;b\n" + "1’234.50;2020-01-31 00:00:00\n2.25;1999-12-31 00:00:00\n" * 10, ("decimal", "date")),
        ("a,b\n" + "$5.00,12.0\n7%,13.0\n" * 10, ("text", "integer")),
        ('a,b\n"1,234",2020-02-30\n"12,345",2020-02-28\n', ("integer", "text")),
    ],
)
def test_how_numbers_and_dates_are_written_is_told(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    (tmp_path / "d.csv").write_text(text)
    said, columns = profiled("d.csv", tmp_path)
    assert tuple(column.kind for column in columns.values()) == expected, said


def test_dates_that_could_be_read_both_ways_are_pointed_out(tmp_path: Path) -> None:
    for other, remark in (("03/04/2019", True), ("25/04/2019", False)):
        (tmp_path / "d.csv").write_text(f"b,n\n01/02/2020,1\n{other},2\n")
        said, columns = profiled("d.csv", tmp_path)
        assert columns["b"].kind == "date"
        assert ("days and months could be the other way round" in said) is remark


def test_labels_of_values_are_the_categories(tmp_path: Path) -> None:
    pyreadstat, pandas = pytest.importorskip("pyreadstat"), pytest.importorskip("pandas")
    frame = pandas.DataFrame({"sex": [1.0, 2.0, 9.0] * 10, "level": [1.0, 2.0, 3.0] * 10})
    labels = {"sex": {1: "man", 2: "woman", 9: "no answer"}, "level": {1: "low", 2: "high"}}
    path = str(tmp_path / "d.sav")
    pyreadstat.write_sav(frame, path, variable_value_labels=labels, missing_ranges={"sex": [9]})
    said, columns = profiled("d.sav", tmp_path)
    assert "sex: {kind: category, values: [man, woman]}  # by their labels" in said
    assert columns["level"].kind == "integer"  # one code has no label


def test_rows_above_a_sheets_header_are_told(tmp_path: Path) -> None:
    book = pytest.importorskip("openpyxl").Workbook()
    for row in ([["Report"], [], ["Person", None, "Pay", None], ["id", "sex", 2023, 2024]]) + [
        [f"a{n}", "MF"[n % 2], n, n] for n in range(30)
    ]:
        book.active.append(row)
    book.save(tmp_path / "d.xlsx")
    said, columns = profiled("d.xlsx", tmp_path)
    assert "skip_lines: 3" in said
    assert list(columns) == ["id", "sex", "c_2023", "c_2024"]


def test_decimals_with_more_places_than_they_need_are_told(tmp_path: Path) -> None:
    amounts = pa.array([Decimal(n).scaleb(-1) for n in range(30)], pa.decimal128(38, 10))
    pq.write_table(pa.table({"x": amounts}), tmp_path / "d.parquet")
    said, _ = profiled("d.parquet", tmp_path)
    assert 'x: {kind: decimal, min: "0.0", max: "3.0", places: 1}' in said
