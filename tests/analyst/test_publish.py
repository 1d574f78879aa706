"""Results as files, read back by libraries of others: every number is there, and what was hidden is marked as such."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import sdmx
from pyaxis import pyaxis
from sdmx.model import v30

from mpcgov import publish
from mpcgov.cli.main import run
from mpcgov.errors import LocalError


def expected(result: Any) -> dict[tuple[str, str], int | None]:
    return {(age, sex): count for age, sex, count in result.json["tables"]["count"]["rows"]}


def test_some_cells_are_shown_and_some_are_hidden(counts) -> None:
    numbers = list(expected(counts).values())
    assert len(numbers) == 6
    assert 0 < numbers.count(None) < 6
    assert counts.disclosure["suppressed"] == numbers.count(None)


def test_pc_axis_is_read_by_pyaxis(counts, tmp_path) -> None:
    (path,) = counts.to_file(tmp_path / "people.px")
    read = pyaxis.parse(str(path), encoding="utf-8", null_values="none", sd_values=r'"\.\."')
    found = {(row.age, row.sex): row.DATA for row in read["DATA"].itertuples()}
    for cell, number in expected(counts).items():
        text = found.pop(cell)
        assert pd.isna(text) if number is None else text == str(number)
    assert not found
    assert read["METADATA"]["TITLE"] == ["People 'on' registers <b>by age</b>: count"]
    assert {"DATASYMBOL2", "SOURCE", "NOTE"} <= set(read["METADATA"])
    for line in path.read_text().splitlines():
        assert len(line) <= 256


@pytest.mark.parametrize("name", ["px", "sdmx-csv"])
@pytest.mark.parametrize(
    "rows", [[[1, "F", 30], [2, "M", 20]], [["North", 30, "F"], ["South", None, None]], [["North", 1], ["North", 2]]]
)
def test_a_table_that_isnt_of_cells_goes_into_other_formats(counts, tmp_path, rows: list[Any], name: str) -> None:
    """As kinds may have that rank cells or name a median: such a format would lose rows, or can't hold a text."""
    result = counts.json | {"tables": {"count": {"columns": ["a", "b", "c"][: len(rows[0])], "rows": rows}}}
    with pytest.raises(LocalError, match=f"{name} has numbers by cell; table count has others"):
        publish.write(result, tmp_path / "people.csv", name)
    assert list(tmp_path.iterdir()) == []
    publish.write(result, tmp_path / "people.csv", "csv")


def test_sdmx_csv_is_read_by_sdmx1(counts, tmp_path) -> None:
    path = counts.to_file(tmp_path / "people.csv", "sdmx-csv")[0]
    structure = v30.DataStructureDefinition(id="COUNT")
    for name in ("AGE", "SEX", "MEASURE"):
        structure.dimensions.append(v30.Dimension(id=name))
    structure.measures.append(v30.Measure(id="OBS_VALUE"))
    for name in ("OBS_STATUS", "CONF_STATUS"):
        structure.attributes.append(v30.DataAttribute(id=name))
    flow = v30.Dataflow(
        id="COUNT", maintainer=sdmx.model.common.Agency(id="MPCGOV"), version="1.0", structure=structure
    )
    with path.open("rb") as file:
        message = sdmx.read_sdmx(file, format="csv", structure=flow)
    found = {}
    for observation in message.data[0].obs:
        key = observation.dimension.values
        status = [str(observation.attached_attribute[name].value) for name in ("OBS_STATUS", "CONF_STATUS")]
        assert key["MEASURE"].value == "count"
        found[key["AGE"].value, key["SEX"].value] = (observation.value, *status)
    for cell, number in expected(counts).items():
        value, *status = found.pop(cell)
        assert status == (["Q", "C"] if number is None else ["A", "F"])
        assert (value or None) == (None if number is None else str(number))
    assert not found


def test_excel_is_read_by_openpyxl_and_no_text_is_a_formula(counts, tmp_path) -> None:
    (path,) = counts.to_file(tmp_path / "people.xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["count", "About"]
    head, *rows = book["count"].iter_rows()
    assert [cell.value for cell in head] == ["age", "sex", "count"]
    found = {(age.value, sex.value): count.value for age, sex, count in rows}
    assert found == {cell: "c" if number is None else number for cell, number in expected(counts).items()}
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["Legal basis"] == "Act 1; section 2"
    assert about["'c'"].startswith("a number hidden")


def test_parquet_and_csv_leave_hidden_numbers_empty(counts, tmp_path) -> None:
    (path,) = counts.to_file(tmp_path / "people.parquet")
    table = pq.read_table(path)
    assert {(row["age"], row["sex"]): row["count"] for row in table.to_pylist()} == expected(counts)
    assert json.loads(table.schema.metadata[b"mpcgov"])["request"]["purpose"] == counts.json["request"]["purpose"]
    path, described = counts.to_file(tmp_path / "people.csv")
    rows = csv.DictReader(io.StringIO(path.read_bytes().decode()))
    assert {(row["age"], row["sex"]): int(row["count"]) if row["count"] else None for row in rows} == expected(counts)
    whole = json.loads(described.read_bytes())
    assert whole["url"] == "people.csv"
    assert [column["datatype"] for column in whole["tableSchema"]["columns"]] == ["string", "string", "number"]


def test_a_page_loads_nothing_and_says_what_others_wrote_as_text(counts, tmp_path) -> None:
    (path,) = counts.to_file(tmp_path / "people.html")
    page = path.read_text()
    tags: list[str] = []
    texts: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}

        def handle_data(self, data: str) -> None:
            texts.append(data.strip())

    Reader().feed(page)
    assert not {"b", "script", "link", "img", "iframe"} & set(tags)
    assert 'People "on" registers <b>by age</b>' in texts
    assert texts.count("·") == counts.disclosure["suppressed"]
    assert {"Who learned what", "What was asked", "tax", "coordinator"} <= set(texts)
    assert any("suppressed: fewer than 12 rows" in text for text in texts)


def test_a_result_of_several_tables_goes_to_as_many_files(counts, tmp_path) -> None:
    result = json.loads(json.dumps(counts.json))
    result["tables"]["margin:sex"] = {"columns": ["sex", "count"], "rows": [["F", 30], ["=M", None]]}
    written = publish.write(result, tmp_path / "people.px")
    assert [path.name for path in written] == ["people.px", "people.margin-sex.px"]
    read = pyaxis.parse(str(written[1]), encoding="utf-8", null_values="none")
    assert list(read["DATA"]["DATA"].isna()) == [False, True]
    book = openpyxl.load_workbook(publish.write(result, tmp_path / "people.xlsx")[0])
    assert book.sheetnames == ["count", "margin sex", "About"]


def test_the_command_writes_what_it_is_asked_for(job_file, counts, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("mpcgov.trial.simulation.simulate", lambda *args, **options: counts.json)
    command = ["simulate", str(job_file), "--agencies", str(tmp_path)]
    assert run([*command, "--out", str(tmp_path / "x.parquet")]) == 0
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 6
    assert run([*command, "--out", str(tmp_path / "x.dat"), "--format", "px"]) == 0
    assert (tmp_path / "x.dat").read_text().startswith("CHARSET")
    output = capsys.readouterr()
    assert output.out == ""
    assert "x.dat: written" in output.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.doc"], "x.doc: the name doesn't tell a format; name a format, one of json, "),
        (["--format", "px"], "--format needs --out FILE"),
        (["--out", "nowhere/\0/x.px"], "nowhere"),
    ],
)
def test_a_file_that_cant_be_is_refused_before_anything_runs(job_file, capsys, monkeypatch, arguments, message) -> None:
    monkeypatch.setattr("mpcgov.trial.simulation.simulate", lambda *args, **options: pytest.fail("it ran"))
    if "\0" not in arguments[-1]:
        assert run(["simulate", str(job_file), "--agencies", ".", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_library_that_is_missing_is_named_with_the_command_that_installs_it(counts, monkeypatch, tmp_path) -> None:
    for library, act in (
        ("openpyxl", lambda: counts.to_file(tmp_path / "x.xlsx")), ("polars", counts.polars), ("altair", counts.plot),
    ):  # fmt: skip
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(LocalError) as caught:
            act()
        assert caught.value.hint.startswith("pip install 'mpcgov[")
    assert not (tmp_path / "x.xlsx").exists()


def test_frames_have_missing_numbers_where_cells_are_hidden(counts) -> None:
    frame = counts.tables["count"]
    for row, number in zip(frame.itertuples(), expected(counts).values(), strict=True):
        assert pd.isna(row[3]) if number is None else row[3] == number
    assert str(frame["count"].dtype) == "Int64"
    assert counts.polars().schema == {"age": pl.String, "sex": pl.String, "count": pl.Int64}
    assert counts.arrow("count").num_rows == 6
    with pytest.raises(KeyError, match="there are count"):
        counts.tables["counts"]


def test_charts_have_a_bar_for_each_cell(counts) -> None:
    chart = counts.plot().to_dict()
    assert [row["value"] for row in chart["data"]["values"]] == list(expected(counts).values())
    assert chart["encoding"]["y"]["title"] == "age"
    assert chart["encoding"]["color"]["title"] == "sex"
    with pytest.raises(LocalError, match="no number mean"):
        counts.plot(measure="mean")


def test_the_package_loads_nothing_of_it_until_it_is_asked_for() -> None:
    code = "import sys, mpcgov; print(sorted(n for n in ('pandas', 'jinja2', 'aiohttp', 'numpy') if n in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_no_result_is_written_half(counts, tmp_path) -> None:
    path = Path(tmp_path) / "there" / "x.json"
    counts.to_file(path)
    assert json.loads(path.read_bytes()) == counts.json
    assert [one.name for one in path.parent.iterdir()] == ["x.json"]


def test_what_cant_exist_isnt_marked_as_hidden_and_counts_have_no_decimals(counts, tmp_path) -> None:
    """A left join's table: of whom the tax agency doesn't have there are no wages, whatever the rules hide."""
    columns = ["welfare.sex", "tax.form", "count", "tax.wages.mean", "welfare.months.mean"]
    rows = [["F", "W2", 30, 2741.5, 3.0], ["F", "(no match)", 12, None, None], ["M", "W2", None, None, None],
            ["M", "(no match)", 40, None, 2.25]]  # fmt: skip
    result = counts.json | {"tables": {"statistics": {"columns": columns, "rows": rows}}}
    path = publish.write(result, tmp_path / "left.csv", "sdmx-csv")[0]
    found = {
        (row["WELFARE_SEX"], row["TAX_FORM"], row["MEASURE"]): (row["OBS_STATUS"], row["CONF_STATUS"])
        for row in csv.DictReader(io.StringIO(path.read_text()))
    }
    assert found["F", "(no match)", "tax.wages.mean"] == found["M", "(no match)", "tax.wages.mean"] == ("M", "F")
    assert found["F", "(no match)", "welfare.months.mean"] == found["M", "W2", "tax.wages.mean"] == ("Q", "C")
    (path,) = publish.write(result, tmp_path / "left.px")
    text = path.read_text()
    assert '30 2741.5 3\n12 "." ".."\n".." ".." ".."\n40 "." 2.25\n' in text
    assert "\nSHOWDECIMALS=0;\n" in text
    assert 'PRECISION("measure","tax.wages.mean")=1;\nPRECISION("measure","welfare.months.mean")=2;\n' in text
    read = pyaxis.parse(str(path), encoding="utf-8", null_values="none", sd_values=r'"\.\."')
    assert len(read["DATA"]) == 12
    (path,) = publish.write(result, tmp_path / "left.xlsx")
    sheet = openpyxl.load_workbook(path)["statistics"]
    assert [cell.value for cell in sheet["D"]][1:] == [2741.5, "z", "c", "z"]


def test_all_rules_and_the_size_of_noise_are_said_in_every_file(counts, tmp_path) -> None:
    noise = {"epsilon": "1.0", "numbers": {"count.count": {"deviation": 5.172, "half_width": 11}}}
    for more, line in (
        ({"contributors": 3}, "so are cells to which fewer than 3 agencies bring as many rows"),
        ({"dominance": 10}, "sums are hidden by the p % rule, p = 10"),
        ({"margins": "suppressed"}, "true totals are suppressed"),
        ({"noise": noise}, "noise of count.count: standard deviation 5.172; at most 11 in 95 of 100 numbers"),
    ):
        result = counts.json | {"disclosure": counts.json["disclosure"] | more}
        (path,) = publish.write(result, tmp_path / "people.px")
        assert line in path.read_text().replace('"\n"', ""), path.read_text()
        (path,) = publish.write(result, tmp_path / "people.xlsx")
        assert line in [row[1].value for row in openpyxl.load_workbook(path)["About"].iter_rows()]
