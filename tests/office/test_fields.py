"""Between a form and a job's file nothing is lost, and nothing is read otherwise than it was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcgov import registry
from mpcgov.office.chart import MOST_BARS, bars
from mpcgov.office.conditions import together
from mpcgov.office.drafts import alike, said, written
from mpcgov.office.fields import by_form, form_of, job_of
from mpcgov.publish.table import Released
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml, parse_yaml

JOBS = sorted((Path(__file__).parents[2] / "examples" / "jobs").glob("*.yaml"))


@pytest.mark.by_day(4)
@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_an_example_job_survives_the_form(path: Path) -> None:
    job = load_yaml(path, Job)
    manifest = registry.find(job.protocol_name).manifest
    assert parse_yaml(written(said(job)), Job, "job") == job
    if not by_form(manifest):
        return
    again = job_of(form_of(said(job), manifest), manifest, tuple(job.parties), {})
    if path.stem == "wages-by-age-group":  # several rules for rows of one key: the form has one for all
        assert again["parties"]["tax"].pop("duplicates", None) is None
        job = job.model_copy(
            update={"parties": job.parties | {"tax": job.parties["tax"].model_copy(update={"duplicates": None})}}
        )
    assert alike(parse_yaml(written(again), Job, "job"), job)


def test_values_are_quoted_by_what_their_columns_hold() -> None:
    texts = frozenset({"form", "region"})
    rows = [("form", "=", "1099"), ("age", ">=", "15"), ("region", "in", "North, O'Hara"), ("age", "between", "1, 2"),
            ("region", "is null", "ignored"), ("", "=", "x"), ("age", "; drop", "3")]  # fmt: skip
    assert together("sex = 'F' or age < 3", rows, texts) == (
        "(sex = 'F' or age < 3) and form = '1099' and age >= 15 and region in ('North', 'O''Hara') "
        "and age between 1 and 2 and region is null and age = 3"
    )
    assert together("", [], texts) == ""


@pytest.mark.parametrize("purpose", ["1e5", "NO", "0777", "2025-01-01", "~", "a: b # c", "- x", "é\u2028", "'", "*a"])
def test_what_looks_like_something_else_stays_a_text(purpose: str) -> None:
    parties = {"a": {"dataset": "d"}, "b": {}, "c": {}}
    job = {"protocol": "joint-count", "purpose": purpose, "legal_basis": "b", "parties": parties, "receivers": ["a"]}
    assert parse_yaml(written(job), Job, "job").purpose == purpose


def test_a_hidden_cell_is_a_frame_in_the_chart_and_never_a_zero() -> None:
    table = Released("count", ("region", "count"), (("North", 20), ("South", None), ("West", 0)))
    chart = bars(table, 0)
    assert chart is not None
    assert [(bar.value, bar.width) for bar in chart.bars] == [(20, 380), (None, 0), (0, 1)]
    assert bars(Released("count", ("region", "count"), (("N", -1), ("S", 2))), 0) is None
    assert bars(Released("count", ("region", "count"), tuple((str(i), i) for i in range(MOST_BARS + 1))), 0) is None
