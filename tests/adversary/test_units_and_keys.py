"""Noise for a unit, rows linked by another key than the one it is known by: one person moves such a row between cells.

Rows put together by sex are a few, and each is in the region of its last person: who leaves takes the row from one
cell to another, and changes two numbers where the noise reckons with one. The attacker knows everybody else. Gains are
persons recovered of persons tried, where half is chance and epsilon 0.5 for one person gives no more than 62 in 100.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mpcgov.laws import Law
from mpcgov.mpc import noise
from mpcgov.node.decide import decide
from mpcgov.rules import privacy
from mpcgov.spec.job import Disclosure
from mpcgov.spec.load import SpecError, validate
from mpcgov.spec.policy import DatasetPolicy
from tests.node.test_decide import LINKED_OWN, linked

EPSILON = "0.5"
ALLOWED = math.exp(float(EPSILON)) / (1 + math.exp(float(EPSILON)))
TRIED = 4000
NOISE = {"mechanism": "discrete-laplace", "epsilon": EPSILON, "unit": "person", "bound": 1}
COLUMNS = ("id", "sex")
PEOPLE = [{"id": str(number), "sex": "FM"[number % 2], "region": 0} for number in range(10)]
TARGET = {"id": "target", "sex": "F", "region": 1}
KNOWN = {"person": {"rows": 1, "key": ["id"]}}


def needs(rows_per_unit: Any, key: Collection[str] | None, unit: str = "person", bound: int = 1) -> list[str]:
    rules = validate({"noise": NOISE | {"unit": unit, "bound": bound}}, Disclosure, "disclosure")
    allowed = validate({"rows_per_unit": rows_per_unit}, DatasetPolicy, "policy")
    return list(privacy.floor_faults(rules.noise, allowed, key))


def table(rows: list[dict[str, Any]], key: tuple[str, ...]) -> np.ndarray:
    """How many keys are in each of two regions, where a key is in the last of its rows' regions (duplicates: max)."""
    regions: dict[tuple[str, ...], int] = {}
    for row in rows:
        place = tuple(row[column] for column in key)
        regions[place] = max(regions.get(place, 0), row["region"])
    return np.bincount(list(regions.values()), minlength=2)


def recovered(key: tuple[str, ...]) -> tuple[int, int]:
    """Of how many persons it is told rightly whether they are there, of how many it is told: where numbers say most."""
    law = Law(pure=True, rows=1, largest=1, budget=Fraction(EPSILON), parties=3)
    with_target, without = (table([*PEOPLE, *more], key) for more in ([TARGET], []))
    rng = np.random.default_rng(5)
    there = rng.integers(2, size=TRIED).astype(bool)
    drawn = sum(noise.share(law, 2, 2 * TRIED) for _ in range(2))  # as two honest shares make it
    seen = drawn.reshape(TRIED, 2) + np.where(there[:, None], with_target, without)
    nearer = np.abs(seen - without).sum(axis=1) - np.abs(seen - with_target).sum(axis=1)
    sure = np.abs(nearer) == np.abs(nearer).max()
    return int(((nearer > 0) == there)[sure].sum()), int(sure.sum())


@pytest.mark.parametrize("key", [("id",), ("sex",), ("id", "sex")])
def test_only_keys_by_which_one_person_changes_one_number_may_be_used_with_noise(key: tuple[str, ...]) -> None:
    """Without `_key_faults` in rules/privacy.py the key sex would be used, and the gain is over what is allowed."""
    moved = int(np.abs(table([*PEOPLE, TARGET], key) - table(PEOPLE, key)).sum())
    if needs(KNOWN, key):
        assert key == ("sex",)
        assert moved == 2
        right, told = recovered(key)
        assert right > told * ALLOWED + 4 * math.sqrt(told) / 2
    else:
        assert moved <= 1
        right, told = recovered(key)
        assert right < told * ALLOWED + 4 * math.sqrt(told) / 2


@pytest.mark.parametrize(
    ("rows_per_unit", "key", "says"),
    [
        (KNOWN, ["id"], ""),
        (KNOWN, ["sex", "id"], ""),
        (KNOWN, None, ""),
        (KNOWN, ["sex"], "key id: by that a person is told apart; the job takes sex"),
        (
            {"person": {"rows": 1, "key": ["first", "last"]}},
            ["last"],
            "key first, last: by that a person is told apart",
        ),
        ({"person": {"rows": 2, "key": "id"}}, ["id"], "noise.bound 2: so many rows one person may have"),
        ({"person": 1}, None, ""),
        ({"person": 1}, ["id"], "rows_per_unit with a key in its policy"),
        ({"person": {"rows": 1}}, ["id"], "person: {rows: 1, key: [person_id]}"),
        ({}, ["id"], "to know by which columns a person is told apart; the job takes id"),
        ({}, None, ""),
        ({"household": {"rows": 1, "key": ["id"]}}, ["id"], "another unit than person: it knows household"),
    ],
)
def test_a_policy_says_by_which_key_a_unit_is_known(rows_per_unit: Any, key: list[str] | None, says: str) -> None:
    found = needs(rows_per_unit, key)
    assert [says in text for text in found] == ([True] if says else [])


@pytest.mark.parametrize("wrong", [True, 0, -1, {"rows": 0}, {"key": ["id"]}, {"rows": 1, "key": []}, "1"])
def test_what_is_no_number_of_rows_is_a_fault(wrong: Any) -> None:
    with pytest.raises(SpecError):
        validate({"rows_per_unit": {"person": wrong}}, DatasetPolicy, "policy")


@pytest.mark.parametrize(("known", "allowed"), [({"person": {"rows": 1, "key": ["id"]}}, True), ({"person": 1}, False)])
def test_a_node_asks_it_of_its_own_part(known: Any, allowed: bool) -> None:
    people = {"columns": {"id": ["key"]}, "rows_per_unit": known}
    asked, facts = linked({"datasets": {"people": people}})
    job = asked.job.model_copy(update={"disclosure": validate({"noise": NOISE}, Disclosure, "disclosure")})
    found = decide(asked.model_copy(update={"job": job, "declarations": asked.declarations}), facts)
    assert LINKED_OWN.columns["id"].kind == "key"
    reasons = getattr(found, "reasons", ())
    assert any("rows_per_unit" in reason for reason in reasons) is not allowed
