"""Welch's t-test as receivers compute it, and what a job must be for it; the vectors say what is released."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mpcgov import registry
from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.kinds import welch
from mpcgov.kinds.moments import Described
from mpcgov.linked.told import sum_testers
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset, Declaration
from tests.linked import agencies


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("sizes", "apart"), [((5, 7), 0), ((12, 400), 0.3), ((90, 30), 2), ((3_000, 40_000), 0.05)])
def test_t_its_degrees_of_freedom_and_p_are_scipys(sizes: tuple[int, int], apart: float) -> None:
    rng = np.random.default_rng(sum(sizes))
    values = [rng.normal(place * apart, 1 + place, size) for place, size in enumerate(sizes)]
    groups = [Described(len(x), Fraction(x.mean()), Fraction(x.var(ddof=1))) for x in values]
    expected = stats.ttest_ind(*values, equal_var=False)
    assert welch._test(*groups) == pytest.approx((expected.statistic, expected.df, expected.pvalue), rel=1e-9)


def test_p_is_right_however_far_t_is() -> None:
    for df in (1.5, 30.0, 1e6):
        for t in (0.0, 1e-8, 1.0, 9.0, 60.0):
            found = welch._incomplete_beta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5)
            assert found == pytest.approx(2 * stats.t.sf(t, df), rel=1e-8)


def job_of(protocol: str, name: str, **more: Any) -> tuple[Job, dict[str, Declaration]]:
    path: Path = registry.find(protocol).folder / "vectors" / f"{name}.json"
    vector = json.loads(path.read_text(encoding="utf-8"))
    job = validate(agencies.job_of(protocol, vector) | more, Job, "job")
    manifest = registry.find(protocol).manifest
    return job, {
        party: validate({"source": "x", "columns": columns, "unique": [["id"]]}, Dataset, party).declaration.only(
            set(check.used_columns(job, manifest, party))
        )
        if manifest.linked
        else validate({"source": "x", "columns": columns}, Dataset, party).declaration
        for party, columns in vector["declared"].items()
    }


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("protocol", "by", "says"),
    [
        ("joint-t-test", ["sex", "grade"], "params.by: grade is last and must have two values, for two groups, not 3"),
        ("linked-t-test", ["edu.grade"], "params.by: edu.grade is last and must have two values"),
        ("joint-t-test", [], "params.by: expected 1 to 8 columns"),
    ],
)
def test_two_groups_are_compared(protocol: str, by: list[str], says: str) -> None:
    job, declarations = job_of(protocol, "by-region")
    changed = job.model_copy(update={"params": {**job.params, "by": by}})
    grade = {"kind": "category", "values": ["a", "b", "c"]}
    for party, one in declarations.items():
        columns = {**one.model_dump(mode="json", exclude_unset=True)["columns"], "grade": grade}
        kept = {"source": "x", "columns": columns, "unique": one.model_dump(mode="json")["unique"]}
        declarations[party] = validate(kept, Dataset, party).declaration
    with pytest.raises(SpecError) as raised:
        check.check_job(changed, registry.find(protocol).manifest, declarations, 1)
    assert any(fault.startswith(says) for fault in raised.value.faults)


def test_a_kind_without_a_noisy_form_is_refused_noise_whatever_the_manifest_says() -> None:
    noise = {"mechanism": "discrete-laplace", "epsilon": "10", "unit": "person", "bound": 1}
    job, declarations = job_of("joint-t-test", "by-region", disclosure={"min_count": 5, "noise": noise})
    manifest = registry.find("joint-t-test").manifest
    with pytest.raises(SpecError, match="joint-t-test doesn't offer it"):
        check.check_job(job, manifest, declarations, 1)
    with pytest.raises(SpecError, match=r"not offered for table t_test \(welch\)"):
        check.check_job(job, manifest.model_copy(update={"noise": True}), declarations, 1)


def test_a_policy_hears_of_a_receiver_that_owns_a_measure() -> None:
    """What knew kinds by their names said of a new one that it told nobody anything."""
    job, _ = job_of("linked-t-test", "a-receivers-column")
    assert sum_testers(job, registry.find("linked-t-test").manifest) == {"tax"}
