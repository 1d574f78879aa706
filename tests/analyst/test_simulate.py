"""`mpcgov.simulate` on data frames: the numbers are the plain ones, whatever the frames are; mistakes are told."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import mpcgov
from mpcgov.analyst import frames
from mpcgov.errors import MpcgovError, SpecError
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml, validate
from mpcgov.spec.table import Datasets
from tests.analyst.conftest import JOB, registers

pytestmark = pytest.mark.usefixtures("read_here")

RNG = random.Random(3)
TAX = pd.DataFrame({"person_id": [f"P{n:05}" for n in range(400)], "wage": [RNG.randrange(9000) for _ in range(400)]})
DEGREES = pd.DataFrame(
    {"person_id": [f"P{n:05}" for n in range(200, 600)], "year": [RNG.choice([2015, 2016, 2017]) for _ in range(400)]}
)
MIXED = pd.DataFrame({"age": [1, "secret"]})
LINKED: dict[str, Any] = {
    "protocol": "linked-statistics",
    "purpose": "wages by year of degree",
    "legal_basis": "none",
    "parties": {
        "tax": {"dataset": "people", "key": ["person_id"]},
        "education": {"dataset": "degrees", "key": ["person_id"]},
        "office": {},
    },
    "params": {"by": ["education.year"], "measures": ["tax.wage"]},
    "receivers": ["coordinator"],
}


def test_counts_are_those_of_pandas(counts) -> None:
    whole = pd.concat([sets["people"] for sets in registers().values()])
    plain = whole[whole.age != "0-17"].value_counts().to_dict()
    shown = [row for row in counts.json["tables"]["count"]["rows"] if row[2] is not None]
    assert shown
    assert all(plain.get((age, sex), 0) == count for age, sex, count in shown)


def test_linked_statistics_of_polars_and_arrow_are_those_of_pandas_from_within_a_running_loop() -> None:
    async def in_a_notebook() -> mpcgov.Result:
        frames = {"tax": {"people": pl.from_pandas(TAX)}, "education": {"degrees": pa.Table.from_pandas(DEGREES)}}
        return mpcgov.simulate(LINKED, frames)

    frame = asyncio.run(in_a_notebook()).tables["statistics"].set_index("education.year")
    joined = TAX.merge(DEGREES, on="person_id").groupby("year")["wage"]
    for year, group in joined:
        assert frame.loc[str(year), "count"] == len(group)
        assert frame.loc[str(year), "tax.wage.mean"] == pytest.approx(group.mean(), rel=1e-3)


def test_declarations_that_are_given_hold(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    declared = {"columns": {"age": {"kind": "category", "values": ["18-64"]}, "sex": {"kind": "text"}}}
    with pytest.raises(MpcgovError) as caught:
        mpcgov.simulate(JOB, registers(), {"tax": {"people": declared}})
    assert "18-64" not in str(caught.value) or "category" in str(caught.value)
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tax": {}}, 'no frame for {"tax": {"people": …}}, {"health"'),
        (
            {"tax": {"people": 3}, "health": {"people": 3}, "schools": {"people": 3}},
            "tax.people: no columns that Arrow",
        ),
        (
            {party: {"people": pd.DataFrame({"age": [1, "secret"]})} for party in JOB["parties"]},
            "tax.people: no columns",
        ),
        ({party: {"people": MIXED.age} for party in JOB["parties"]}, "tax.people: no columns that Arrow"),
        (
            {party: {"people": pd.DataFrame({"age": ["18-64"]})} for party in JOB["parties"]},
            "people: no column sex; it has age",
        ),
        ({party: {"people": registers()["tax"]["people"].head(0)} for party in JOB["parties"]}, "no row has a value"),
    ],
)
def test_what_is_no_frame_is_refused_by_name_and_without_a_value(data, message) -> None:
    with pytest.raises(SpecError) as caught:
        mpcgov.simulate(JOB, data)
    assert message in caught.value.line()
    assert "secret" not in caught.value.line()


def test_a_job_with_a_mistake_says_which() -> None:
    with pytest.raises(SpecError, match="purpose"):
        mpcgov.simulate({**JOB, "purpose": ""}, registers())


def test_keys_that_stand_twice_arent_taken_for_unique() -> None:
    twice = pd.concat([TAX, TAX.iloc[:5]])
    with pytest.raises(SpecError, match="may be repeated"):
        mpcgov.simulate(LINKED, {"tax": {"people": twice}, "education": {"degrees": DEGREES}})


def test_a_named_index_is_a_column_and_names_may_hold_blanks() -> None:
    named = DEGREES.rename(columns={"person_id": "Personen ID", "year": "year of degree"})
    job = validate(
        {
            **LINKED,
            "parties": {**LINKED["parties"], "education": {"dataset": "degrees", "key": ["Personen_ID"]}},
            "params": {"by": ["education.year_of_degree"], "measures": ["tax.wage"]},
        },
        Job,
        "job",
    )
    given = {"tax": {"people": TAX.set_index("person_id")}, "education": {"degrees": named.set_index("Personen ID")}}
    with frames.agencies(job, given, None) as folder:
        declared = load_yaml(folder / "education" / "datasets.yaml", Datasets).root["degrees"]
        assert declared.unique == (("Personen_ID",),)
        assert declared.reading("Personen_ID").source == "Personen ID"
        assert declared.columns["year_of_degree"].kind == "category"
        assert declared.reading("year_of_degree").source == "year of degree"
        assert load_yaml(folder / "tax" / "datasets.yaml", Datasets).root["people"].unique == (("person_id",),)
