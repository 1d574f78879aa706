# ruff: noqa: E501
"""Files of fixed width, PC-Axis and SDMX-CSV: what is read, and what is said where something is wrong."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import DataError, LocalError, SpecError
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.readers import fixed, raw
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table

FIXED: dict[str, Any] = {
    "id": {"kind": "key", "at": [1, 4]},
    "name": {"kind": "text", "at": [5, 10]},
    "age": {"kind": "integer", "min": 0, "max": 120, "at": [11, 13]},
}
PX = """CHARSET="ANSI"; AXIS-VERSION="2010"; CODEPAGE="iso-8859-1"; LANGUAGES="de","en";
TITLE="Personen; nach Region = und "
"Geschlecht";
STUB="Region"; HEADING="Geschlecht","Jahr";
VALUES("Region")="Nord","Süd";
VALUES[en]("Region")="North","South";
CODES("Region")="01","02";
VALUES("Geschlecht")="M",
"F";
VALUES("Jahr")="2023","2024";
TIMEVAL("Jahr")=TLIST(A1),"2023","2024";
DATA=
1 2 3.5 ".."
5 6 7 -;
"""
REGION = {"kind": "category", "values": ["01", "02"], "from": "Region"}


def rows(folder: Path, source: str, columns: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
    dataset = validate({"source": source, "missing": "drop", "columns": columns, **more}, Dataset, "d")
    with open_table(dataset, "d", folder) as opened:
        return [tuple(row[f"v{n}"] for n in range(len(columns))) for row in opened.query(opened.table).to_pylist()]


DAY = {"kind": "date", "min": "1900-01-01", "max": "2030-12-31"}
MONEY = {"kind": "decimal", "min": 0, "max": 100, "places": 2}


SAS_DATES = """
    DATE9. YYMMDDN8. DDMMYYP10. WEEKDATE. E8601DA10. B8601DA8. EURDFDD10. MONYY7. NLDATE. DATETIME20. E8601DT19. DTDATE9.
"""


@pytest.mark.parametrize("style", SAS_DATES.split())
def test_a_date_of_sas_is_one_whatever_its_format(tmp_path: Path, style: str) -> None:
    pyreadstat, pandas = pytest.importorskip("pyreadstat"), pytest.importorskip("pandas")
    second = 86400.0 if style.startswith(("DATETIME", "E8601DT", "DTDATE")) else 1.0
    frame = pandas.DataFrame({"d": [7305 * second, None, 7306 * second]})
    pyreadstat.write_xport(frame, str(tmp_path / "d.xpt"), variable_format={"d": style})
    assert rows(tmp_path, "d.xpt", {"d": DAY}) == [(date(1980, 1, 1),), (None,), (date(1980, 1, 2),)]


def test_periods_of_stata_are_no_days_and_its_floats_are_single(tmp_path: Path) -> None:
    pyreadstat, pandas = pytest.importorskip("pyreadstat"), pytest.importorskip("pandas")
    pyreadstat.write_dta(pandas.DataFrame({"m": [720]}), str(tmp_path / "m.dta"), variable_format={"m": "%tm"})
    with pytest.raises(DataError, match=r"column m: type number of periods \(%tm\) can't be read as a date"):
        rows(tmp_path, "m.dta", {"m": DAY})
    pandas.DataFrame({"x": np.array([0.1, 12.34], np.float32)}).to_stata(tmp_path / "x.dta", write_index=False)
    assert rows(tmp_path, "x.dta", {"x": MONEY}) == [(10,), (1234,)]


def test_cells_are_written_as_the_texts_of_their_column_are(tmp_path: Path) -> None:
    book = pytest.importorskip("openpyxl").Workbook()
    table = [["born", "pay", "flag"], [date(1980, 2, 1), 0.1 + 0.2, True], ["01.02.1980", "0,3", None]]
    for row in table:
        book.active.append(row)
    book.save(tmp_path / "d.xlsx")
    flag = {"kind": "integer", "min": 0, "max": 1}
    found = rows(tmp_path, "d.xlsx", {"born": DAY, "pay": MONEY, "flag": flag}, decimal=",", date_format="DD.MM.YYYY")
    assert found == [(date(1980, 2, 1), 30, 1), (date(1980, 2, 1), 30, None)]


@pytest.mark.parametrize(
    ("content", "more"),
    [
        ("0007Œuvre 042\n\n0008Ann     7\n0009Bob\n".encode(), {}),
        ("Register\r\n0007Œuvre 042\r\n0008Ann     7\r\n0009Bob".encode("cp1252"), {"encoding": "cp1252", "skip_lines": 1}),
        (b"\xef\xbb\xbf" + "0007Œuvre 042\r\n0008Ann     7\r\n0009Bob\r\n\x1a".encode(), {}),
    ],
)  # fmt: skip
def test_a_file_of_fixed_width_is_read_by_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, more: dict[str, Any]
) -> None:
    for name in ("d.dat", "d.txt"):
        (tmp_path / name).write_bytes(content)
        expected = [("0007", "Œuvre", 42), ("0008", "Ann", 7), ("0009", "Bob", None)]
        assert rows(tmp_path, name, FIXED, **more) == expected
        assert rows(tmp_path, name, {"age": FIXED["age"]}, **more) == [row[2:] for row in expected]
    monkeypatch.setattr(fixed, "_PIECE_BYTES", 5)  # lines run over from one piece to the next
    assert rows(tmp_path, "d.dat", FIXED, **more) == expected


@pytest.mark.parametrize(
    ("content", "columns", "words"),
    [
        (b"0007\xff\n", FIXED, "not in UTF-8; set encoding, such as windows-1252"),
        (b"0007\n", {"age": FIXED["age"]}, "no line is long enough for a declared column; check the characters"),
        (b"0007\n", {"id": {"kind": "key"}}, "a file of fixed width, and its columns have no at"),
        (b"0007Ann     7" * 4, FIXED, "one line, long enough for 4 records; write each record on a line of its own"),
        (b"0007" * (1 << 20), FIXED, "a line over 1 MiB; write each record on a line of its own"),
        ("0007Zoë  42\n0008Annie 42\n".encode(), FIXED, "equally long in bytes, but not in characters; at counts"),
    ],
)
def test_what_is_wrong_with_a_file_of_fixed_width_is_said(
    tmp_path: Path, content: bytes, columns: dict[str, Any], words: str
) -> None:
    (tmp_path / "d.dat").write_bytes(content)
    with pytest.raises(DataError) as caught:
        rows(tmp_path, "d.dat", columns)
    assert words in caught.value.line()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"at": [4, 1]}, "the first character comes after the last"), ({}, "not said of name"), ({"at": [0, 1]}, "at")],
)
def test_places_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    columns = FIXED | {"name": {"kind": "text", **change}}
    with pytest.raises(SpecError, match=words):
        validate({"source": "d.dat", "columns": columns}, Dataset, "d")


def test_places_are_not_shown_to_others() -> None:
    declared = validate({"source": "d.dat", "columns": FIXED}, Dataset, "d").declaration
    assert "at" not in declared.model_dump(mode="json")["columns"]["id"]


def test_a_pc_axis_file_has_a_row_for_each_cell(tmp_path: Path) -> None:
    (tmp_path / "d.px").write_bytes(PX.encode("iso-8859-1"))
    columns: dict[str, Any] = {
        "region": REGION,
        "sex": {"kind": "category", "values": ["F", "M"], "from": "Geschlecht"},
        "year": {"kind": "integer", "min": 2000, "max": 2030, "from": "Jahr"},
        "people": {"kind": "decimal", "min": 0, "max": 10, "places": 1, "from": "value", "missing": ["..", "-"]},
    }
    found = rows(tmp_path, "d.px", columns)
    assert found[:4] == [("01", "M", 2023, 10), ("01", "M", 2024, 20), ("01", "F", 2023, 35), ("01", "F", 2024, None)]
    assert found[4:] == [("02", "M", 2023, 50), ("02", "M", 2024, 60), ("02", "F", 2023, 70), ("02", "F", 2024, None)]
    labelled = {"region": REGION | {"values": ["Süd", "Nord"]}}
    assert [region for (region,) in rows(tmp_path, "d.px", labelled)] == ["Nord"] * 4 + ["Süd"] * 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("5 6 7 -", "5 6 7"), "its variables make 8 cells, and DATA has 7"),
        (("DATA=", "NOTHING="), "not a PC-Axis file, or damaged"),
        (("DATA=", 'KEYS("Region")=VALUES;\nDATA='), "a PC-Axis file with KEYS isn't read"),
        (('CODES("Region")="01",', "CODES(\"Region\")="), "its variables make no whole table"),
        (("iso-8859-1", "nonsense"), "not in the encoding that the file says"),
        (("iso-8859-1", "undefined"), "not in the encoding that the file says"),
    ],
)  # fmt: skip
def test_a_pc_axis_file_that_is_not_read_says_why(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    (tmp_path / "d.px").write_bytes(PX.replace(*change).encode("iso-8859-1"))
    with pytest.raises(DataError) as caught:
        rows(tmp_path, "d.px", {"region": REGION})
    assert words in caught.value.line()


SDMX = {
    "1.0": "DATAFLOW,FREQ,GEO,TIME_PERIOD,OBS_VALUE,OBS_STATUS\nESTAT:X(1.0),A,AT11,2023,12.5,\nESTAT:X(1.0),A,EL11,2023,,m\n",
    "2.0": "STRUCTURE,STRUCTURE_ID,ACTION,GEO,TIME_PERIOD,OBS_VALUE\nDATAFLOW,X,I,AT11,2023,12.5\nDATAFLOW,X,I,EL11,2023,\n",
}  # fmt: skip
OBSERVED = {
    "geo": {"kind": "category", "values": ["AT11", "EL11"], "from": "GEO"},
    "value": {"kind": "decimal", "min": 0, "max": 100, "places": 1, "from": "OBS_VALUE"},
}


@pytest.mark.parametrize("text", SDMX.values(), ids=SDMX.keys())
def test_sdmx_csv_is_read_as_csv(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.csv").write_text(text)
    assert rows(tmp_path, "d.csv", OBSERVED) == [("AT11", 125), ("EL11", None)]


def test_sdmx_csv_with_labels_says_how_to_get_it_without(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("DATAFLOW:Dataflow,GEO:Region,OBS_VALUE\nX:Y,AT11:Burgenland,1\n")
    dataset = Dataset.model_validate({"source": "d.csv", "columns": OBSERVED})
    with pytest.raises(DataError, match="no column GEO") as caught:
        dataset_check(dataset, "d", tmp_path)
    assert "ask for it with codes only" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "extra"),
    [("d.xlsx", "excel"), ("d.sav", "spss"), ("d.dta", "stata"), ("d.xpt", "sas"), ("pyspark:///w#t", "spark"),
     ("trino://h/c#t", "trino"), ("postgres://h/d#t", "postgres"), ("mysql://h/d#t", "mysql"), ("oracle://h/d#t", "oracle")],
)  # fmt: skip
def test_what_is_not_installed_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, extra: str
) -> None:
    if "://" not in source:
        (tmp_path / source).write_bytes(b"x")
    monkeypatch.setattr(raw, "find_spec", lambda module: None)
    with pytest.raises(LocalError, match="what reads this source isn't installed") as caught:
        rows(tmp_path, source, {"c": {"kind": "text"}})
    assert caught.value.hint == f"pip install 'mpcgov[{extra}]'"
    extras = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    assert extra in extras["optional-dependencies"]
