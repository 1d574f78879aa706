"""Records to be compared: their texts normalised, what may be missing and what not, and the pipe between children."""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mpcgov.errors import DataError, InternalError
from mpcgov.linked.blocks import Axis, block_column
from mpcgov.linked.facts import Linked
from mpcgov.spec import where as language
from mpcgov.spec.table import Dataset
from mpcgov.worker import compared, texts
from mpcgov.worker.compared import compared_records
from mpcgov.worker.encode import Encoding, Field
from mpcgov.worker.records import IDENTIFIER, Records, encoding, read_records, write_records
from mpcgov.worker.source import open_table
from tests.linkage.similar.compared import Case

COLUMNS: dict[str, dict[str, Any]] = {
    "name": {"kind": "text"},
    "id": {"kind": "text"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "income": {"kind": "integer", "min": -100, "max": 100},
    "year": {"kind": "integer", "min": 1990, "max": 1992},
}
STATISTICS = {"output": "statistics", "identify": None, "by": ["tax.sex"], "measures": ["tax.income"]}


def records_of(folder: Path, rows: list[dict[str, str]], where: str | None = None, **params: Any) -> Records:
    """What tax's data give for a job."""
    linked: Linked = Case([], [], params).linked()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    (folder / "a.csv").write_text(text.getvalue(), encoding="utf-8")
    condition = None if where is None else language.parse(where)
    used = {*linked.declarations["tax"].columns, *(language.columns(condition) if condition else ())}
    dataset = Dataset.model_validate({"source": "a.csv", "columns": COLUMNS, "missing": "refuse", "max_rows": 1000})
    with open_table(dataset, "people", folder, used) as source:
        return compared_records(source, linked, "tax", condition)


def row(name: str = "Anna", id_: str = "1", sex: str = "F", income: str = "5", year: str = "1990") -> dict[str, str]:
    return {"name": name, "id": id_, "sex": sex, "income": income, "year": year}


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("name", "  Müller-Lüdenscheidt, Ångström 3 ", "mullerludenscheidtangstrom"),
        ("name", "Straße", "strasse"),
        ("name", "ΑΘΗΝΑ", "αθηνα"),
        ("text", " 12,  Main  St. #4 ", "12 main st 4"),
        ("date", "1990-01-31", "19900131"),
        ("date", "31.1.1990", "3111990"),
        ("number", "0042", "42"),
        ("number", "0", "0"),
        ("code", "AB-12 c", "ab12c"),
        ("code", "Female", "female"),
        ("name", "...", ""),
        ("name", "x" * 300, "x" * texts.LONGEST),
        ("name", None, ""),
        ("name", "Łukasz Ørsted", "lukaszorsted"),
        ("name", "ĐORĐE", "dorde"),
        ("name", "Işık İnci", "isikinci"),
        ("text", "Ærø Þór", "aero thor"),
        ("name", "مُحَمَّد", "محمد"),
    ],
)
def test_what_registers_write_differently_is_left_out(type_, value, expected):
    assert texts.normalised(pa.array([value], pa.string()), type_).to_pylist() == [expected]


@pytest.mark.parametrize(
    ("one", "other"), [("राम", "रमा"), ("मीना", "मनी"), ("ผู้", "ผี"), ("မောင်", "မင်"), ("Йосиф", "Иосиф"), ("か", "が")]
)
@pytest.mark.parametrize("type_", ["name", "text", "code"])
def test_marks_that_make_another_letter_or_are_vowels_stay(type_, one, other):
    first, second = texts.normalised(pa.array([one, other]), type_).to_pylist()
    assert first != second
    assert first == texts.normalised(pa.array([unicodedata.normalize("NFD", one)]), type_)[0].as_py()


def test_a_column_of_which_nothing_is_left_to_compare_is_pointed_out_to_its_owner(tmp_path):
    note = "people: column name: nothing of any value is left to compare as a name, so it tells nothing"
    assert records_of(tmp_path, [row("12"), row("", "2")]).notes == (note,)
    assert records_of(tmp_path, [row("12"), row("a", "2")]).notes == ()
    assert records_of(tmp_path, [row("12")], "sex = 'M'").notes == ()


def test_the_reader_prepares_fields_and_says_what_stays_in_another_script(tmp_path):
    rows = [row("Dr. Ђорђе"), row("Bill", "2"), row("", "3")]
    columns = {"tax": "name", "wel": "name"}
    field = {"type": "name", "columns": columns}
    note = "people: column name: 1 row with letters that aren't Latin"
    assert [one[: len(note)] for one in records_of(tmp_path, rows, fields=[field]).notes] == [note]
    field["prepare"] = ["digraphs", "titles", "nicknames", "transliterate"]
    found = records_of(tmp_path, rows, fields=[field])
    assert found.notes == ()
    assert found.fields[0].to_pylist() == [b"dorde", b"william", b""]


def test_fields_may_be_missing_whatever_the_declaration_says(tmp_path):
    found = records_of(tmp_path, [row("Anna"), row("", "2"), row("Zoë", "3")])
    assert found.fields[0].to_pylist() == [b"anna", b"", b"zoe"]
    assert found.identifiers.to_pylist() == [b"1", b"2", b"3"]
    assert found.columns == {}


def test_columns_to_compute_with_are_numbers_and_places(tmp_path):
    found = records_of(tmp_path, [row(sex="M", income="-7"), row(sex="F", income="100")], **STATISTICS)
    assert found.identifiers is None
    assert {name: column.tolist() for name, column in found.columns.items()} == {"sex": [1, 0], "income": [-7, 100]}


BY_SEX_AND_YEAR = [{"type": "value", "columns": dict.fromkeys(("tax", "wel"), name)} for name in ("sex", "year")]


def test_records_are_in_the_block_of_their_values_or_in_none_without_one(tmp_path):
    rows = [
        row(sex="M", year="1991"),
        row("", "2", "F", year="1992"),
        row("Zoë", "3", sex=""),
        row("Ada", "4", year=""),
    ]
    found = records_of(tmp_path, rows, blocks=BY_SEX_AND_YEAR)
    assert [one.tolist() for one in found.blocks] == [[3 + 1, 2, -1, -1]]
    own = encoding(Case([], [], {"blocks": BY_SEX_AND_YEAR}).linked(), "tax")
    assert own.fields == (Field(block_column(0), -1, 5),)
    assert [one.tolist() for one in through(own, found).blocks] == [[3 + 1, 2, -1, -1]]


def test_each_pass_has_blocks_of_its_own_and_a_fullest_one(tmp_path):
    rows = [row(sex="M", year="1991"), row("", "2", "M", year="1992"), row("Zoë", "3", sex=""), row("Ada", "4", "M")]
    passes = [[one] for one in BY_SEX_AND_YEAR]
    params = {"blocks": passes, "threshold": None, "min_probability": "0.5"}
    found = records_of(tmp_path, rows, **params)
    assert [one.tolist() for one in found.blocks] == [[1, 1, -1, 1], [1, 2, 0, 0]]
    assert found.listed == (3, 2)
    own = encoding(Case([], [], params).linked(), "tax")
    assert own.fields == (Field(block_column(0), -1, 1), Field(block_column(1), -1, 2))
    there = through(own, found)
    assert ([one.tolist() for one in there.blocks], there.listed) == ([[1, 1, -1, 1], [1, 2, 0, 0]], (3, 2))


def test_blocks_of_years_and_days_are_those_that_both_declare():
    def blocks(values, *axes):
        return compared._blocks(values, axes, "tax").tolist()

    names = {"tax": "a", "wel": "b"}
    years, values = Axis("year", names, range(1990, 1993)), Axis("value", {"tax": "c", "wel": "c"}, ("x", "y"))
    dates = pa.array([dt.date(1990, 12, 31), dt.date(1992, 1, 1), dt.date(1989, 3, 2), None])
    whole = pa.array([1992, 1993, 1991, None], pa.int32())
    assert blocks({"a": dates}, years) == [0, 2, -1, -1]
    assert blocks({"a": dates}, Axis("day", names, range(372))) == [371, 0, 63, -1]
    assert blocks({"a": whole}, years) == [2, -1, 1, -1]
    letters = pa.array(["y", "x", "z", "y"])
    assert blocks({"a": whole, "c": letters}, years, values) == [5, -1, -1, -1]
    assert blocks({"c": letters}, values) == [1, 0, -1, 1]


def test_rows_are_chosen_before_they_are_compared(tmp_path):
    rows = [row("a", "1", "F"), row("b", "2", "M"), row("", "3", "F")]
    assert records_of(tmp_path, rows, "sex = 'F'").fields[0].to_pylist() == [b"a", b""]
    assert records_of(tmp_path, rows, "name is not null").identifiers.to_pylist() == [b"1", b"2"]


def test_what_identifies_records_may_be_repeated_and_their_owner_hears_of_it(tmp_path):
    found = records_of(tmp_path, [row(id_="x"), row(id_="x"), row(id_="y")])
    assert found.identifiers.to_pylist() == [b"x", b"x", b"y"]
    assert found.notes == ("people: column id: 1 row with a value that another has, too",)
    assert records_of(tmp_path, [row(id_="x"), row(id_="y")]).notes == ()


def test_what_is_too_long_to_identify_a_record_is_refused_whether_it_is_chosen_or_not(tmp_path):
    for condition in (None, "sex = 'F'", "sex = 'M'"):
        with pytest.raises(DataError, match="1 row with a value of more than 42 bytes"):
            records_of(tmp_path, [row("a", "x", "F"), row("b", "y" * 43, "M")], condition)


@pytest.mark.parametrize(
    ("rows", "params", "fault"),
    [
        ([row(id_="")], {}, "column id: 1 row without a value"),
        ([row(id_="é" * 22)], {}, "1 row with a value of more than 42 bytes"),
        ([row(income="")], STATISTICS, "column income: 1 row without a value"),
        ([row(sex="X")], STATISTICS, "column sex: 1 row not among the declared values"),
    ],
)
def test_what_is_wrong_is_said_by_counts(tmp_path, rows, params, fault):
    with pytest.raises(DataError, match=fault) as error:
        records_of(tmp_path, rows, **params)
    assert "é" not in str(error.value)


def test_what_a_condition_lets_through_without_a_value_is_refused_too(tmp_path):
    with pytest.raises(DataError, match=r"column income: 1 row without a value$"):
        records_of(tmp_path, [row(income=""), row(income="-5")], "income is null or income > 0", **STATISTICS)
    with pytest.raises(DataError, match=r"column id: 2 rows without a value$"):
        records_of(tmp_path, [row(id_=""), row(id_=""), row(id_="y")], "id is null or id <> 'x'")


def test_no_rows_are_no_fault(tmp_path):
    assert len(records_of(tmp_path, [])) == 0


def sample() -> tuple[Encoding, Records]:
    names = pa.array([b"anna", b"", "zoë".encode()], pa.large_binary())
    ids = pa.array([b"1", b"2", b"3"], pa.large_binary())
    rules = Encoding((Field("n", 0, 9),), 3, ("f0", IDENTIFIER))
    return rules, Records((names,), ids, {"n": np.array([0, 9, 4])}, (3,))


def through(rules: Encoding, records: Records, reading: Encoding | None = None) -> Records | None:
    stream = io.BytesIO()
    write_records(stream, rules, records)
    stream.seek(0)
    return read_records(io.BufferedReader(stream), reading or rules)


def test_records_come_through_the_pipe_as_they_were():
    rules, records = sample()
    found = through(rules, records)
    assert found.fields[0].equals(records.fields[0])
    assert found.identifiers.equals(records.identifiers)
    assert found.columns["n"].tolist() == [0, 9, 4]
    assert read_records(io.BufferedReader(io.BytesIO(b"")), rules) is None


@pytest.mark.parametrize(
    "reading",
    [
        Encoding((Field("n", 0, 9),), 3, ("f0", "f1", IDENTIFIER)),
        Encoding((Field("n", 0, 9),), 3, ("f0", "f1")),
        Encoding((Field("n", 0, 9),), 3, ("f0",)),
        Encoding((), 3, ("f0", IDENTIFIER)),
        Encoding((Field("n", 0, 8),), 3, ("f0", IDENTIFIER)),
        Encoding((Field("n", 0, 9),), 2, ("f0", IDENTIFIER)),
    ],
)
def test_other_records_than_agreed_are_refused(reading):
    rules, records = sample()
    with pytest.raises(InternalError):
        through(rules, records, reading)


def test_identifiers_leave_their_owner_only_if_links_are_asked_for():
    assert IDENTIFIER in encoding(Case([], []).linked(), "tax").texts
    assert IDENTIFIER not in encoding(Case([], [], {"output": "count"}).linked(), "tax").texts
