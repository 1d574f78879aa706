"""What a job's noise costs, and what policies ask of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mpcgov.errors import SpecError
from mpcgov.rules import privacy
from mpcgov.spec.job import Job
from mpcgov.spec.load import canonical_json, parse_json, parse_yaml, validate
from mpcgov.spec.policy import DatasetPolicy

JOB = """
protocol: joint-count
purpose: a test
legal_basis: none
parties: {{a: {{dataset: people}}, b: {{dataset: people}}, c: {{}}}}
params: {{by: [region]}}
disclosure: {{noise: {{{noise}}}}}
receivers: [coordinator]
"""
UNIT = "unit: person, bound: 2"
LAPLACE = "mechanism: discrete-laplace, epsilon: {}, " + UNIT
GAUSSIAN = "mechanism: discrete-gaussian, rho: {}, " + UNIT


def job(noise: str) -> Job:
    return parse_yaml(JOB.format(noise=noise), Job, "job.yaml")


@pytest.mark.parametrize(
    ("noise", "measure", "amount", "rho"),
    [
        (LAPLACE.format('"1.0"'), "epsilon", Fraction(1), Fraction(1, 2)),
        (LAPLACE.format("0.1"), "epsilon", Fraction(1, 10), Fraction(1, 200)),
        (LAPLACE.format("2"), "epsilon", Fraction(2), Fraction(2)),
        (GAUSSIAN.format('"0.5"'), "rho", Fraction(1, 2), Fraction(1, 2)),
        (GAUSSIAN.format("1e-5"), "rho", Fraction(1, 100_000), Fraction(1, 100_000)),
    ],
)
def test_a_job_costs_exactly_what_it_says(noise: str, measure: str, amount: Fraction, rho: Fraction) -> None:
    spend = privacy.spend(job(noise))
    assert spend == privacy.Spend("person", measure, amount)
    assert spend is not None
    assert spend.as_rho == rho


@pytest.mark.parametrize("noise", [LAPLACE.format(1) + ", clamp: {a.b: [-1, 2.50]}", GAUSSIAN.format("0.1")])
def test_a_job_with_noise_is_the_same_after_it_was_signed_and_sent(noise: str) -> None:
    sent = canonical_json(job(noise).model_dump(mode="json"))
    assert parse_json(sent, Job, "job") == job(noise)
    assert canonical_json(parse_json(sent, Job, "job").model_dump(mode="json")) == sent


def test_a_job_without_noise_has_no_price() -> None:
    plain = validate(job(LAPLACE.format(1)).model_dump() | {"disclosure": {"min_count": 10}}, Job, "job")
    assert privacy.spend(plain) is None


@pytest.mark.parametrize(
    ("noise", "says"),
    [
        (LAPLACE.format("0"), "disclosure.noise.epsilon: must be from 0.001 to 10"),
        (LAPLACE.format("11"), "must be from 0.001 to 10"),
        (GAUSSIAN.format("10.1"), "must be from 0.000001 to 10"),
        (LAPLACE.format("much"), "disclosure.noise.epsilon"),
        (LAPLACE.format("-1"), "disclosure.noise.epsilon"),
        (LAPLACE.format("1") + ", rho: 1", "unknown key"),
        ("mechanism: discrete-laplace, epsilon: 1", "unit: missing"),
        ("mechanism: laplace, epsilon: 1, " + UNIT, "discrete-gaussian"),
        ("mechanism: discrete-laplace, epsilon: 1, unit: person, bound: 0", "disclosure.noise.bound"),
        ("mechanism: discrete-laplace, epsilon: 1, unit: A person, bound: 1", "disclosure.noise.unit"),
    ],
)
def test_r30_noise_says_its_unit_and_how_often_one_may_occur_or_is_refused(noise: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        job(noise)
    assert says in "; ".join(caught.value.faults)


@pytest.mark.parametrize(
    ("noise", "policy", "need"),
    [
        (None, {}, ""),
        (None, {"max_epsilon": "1"}, "noise with epsilon at most 1; the job has none"),
        (LAPLACE.format(1), {}, ""),
        (LAPLACE.format(1), {"max_epsilon": "1.0"}, ""),
        (LAPLACE.format("1.001"), {"max_epsilon": "1"}, "noise with epsilon at most 1; the job has discrete-laplace"),
        (LAPLACE.format(1), {"max_rho": "0.5"}, ""),
        (LAPLACE.format("1.001"), {"max_rho": "0.5"}, "noise with rho at most 0.5"),
        (LAPLACE.format(1), {"max_epsilon": "2", "max_rho": "0.1"}, ""),
        (GAUSSIAN.format("0.1"), {"max_epsilon": "5"}, "noise with epsilon at most 5"),
        (GAUSSIAN.format("0.1"), {"max_epsilon": "5", "max_rho": "0.1"}, ""),
        (GAUSSIAN.format("0.11"), {"max_rho": "0.1"}, "rho 0.11 for one person"),
        (LAPLACE.format(1), {"rows_per_unit": {"person": 2}}, ""),
        (LAPLACE.format(1), {"rows_per_unit": {"person": 3}}, "noise.bound 3: so many rows one person may have"),
        (LAPLACE.format(1), {"rows_per_unit": {"household": 1}}, "another unit than person: it knows household"),
    ],
)
def test_a_policy_gets_the_noise_that_it_needs_or_says_what_that_is(
    noise: str | None, policy: dict[str, Any], need: str
) -> None:
    given = None if noise is None else job(noise).disclosure.noise
    needs = list(privacy.floor_faults(given, validate(policy, DatasetPolicy, "policy")))
    assert [need in text for text in needs] == ([True] if need else [])
