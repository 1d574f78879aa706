"""Jobs with noise may overlap with anything, so the length of an owner's list must not follow exactly from its rows.

The attacker chooses filters that keep exactly 100 known rows, and one person's as well if that person exists, and reads
the padded length, which everybody sees. Gains are persons recovered of persons tried, where half is chance.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from mpcgov.jobs.noising import laws
from mpcgov.laws import LengthLaw
from mpcgov.linkage import LinkedRows, OwnRows
from mpcgov.linked.lengths import DELTA_BITS, MOST_SHIFT, WHOLE, length_law
from mpcgov.mpc import noise
from mpcgov.mpc.config import SessionConfig
from mpcgov.spec.load import SpecError
from mpcgov.worker.keyed import KeyedRows
from mpcgov.worker.noise import Noise, Places
from mpcgov.worker.work import LinkedWork
from tests.linkage.linked_parties import Case, engine
from tests.mpc.word.local import Party, make_parties, run
from tests.worker.test_noise import told

PERSONS = 48
JOBS_EACH = 4
BASE = 100
LAPLACE = {"mechanism": "discrete-laplace", "epsilon": "0.01", "unit": "person", "bound": 1}
GAUSSIAN = {"mechanism": "discrete-gaussian", "rho": "0.00005", "unit": "person", "bound": 1}
DECLARED: dict[str, dict[str, dict[str, Any]]] = {
    "tax": {"region": {"kind": "category", "values": ["North", "South"]}},
    "edu": {"level": {"kind": "category", "values": ["ba", "ma"]}},
}


def made(noise: dict[str, Any] | None, method: str = "matcher", max_rows: int = 10**6) -> Case:
    rows = {"tax": [], "edu": [{"key": str(i), "level": "ba"} for i in range(3)]}
    params = {"by": ["tax.region"]}
    return Case("linked-count", DECLARED, rows, params, method=method, noise=noise, max_rows=max_rows)


class NoneOfCells(Noise):
    """Only lists get noise: what cells get has no part in this."""

    def dealt(self, session: object) -> dict[str, Places]:
        return {}


def own_rows(case: Case, keys: int) -> OwnRows:
    """What the child that computes makes of so many rows that the reader has handed on, at the first owner."""
    asked = told(case)
    work = LinkedWork.__new__(LinkedWork)
    work._linked, work.noise = case.linked(), NoneOfCells(*asked)
    noisy = SimpleNamespace(job_digest="job", job=case.linked().job)
    work._order, work._proposal = cast(Any, SimpleNamespace(party="tax")), cast(Any, noisy)
    work.secret = work.workers = None
    asyncio.run(work.noise.draw())
    read = KeyedRows(
        pa.array([f"{i:06}" for i in range(keys)], pa.large_string()), {"region": np.zeros(keys, np.int64)}, keys
    )
    taken: list[OwnRows] = []

    def linked(_words: object, _config: object, _linked: object, _digest: str, own: OwnRows, *_: object) -> Any:
        taken.append(own)
        return SimpleNamespace(coins={})

    with patch("mpcgov.worker.work.LinkedRows", linked):
        work._linked_by(cast(Any, SimpleNamespace(words=None, config=None)), read)
    return taken[0]


def seen_length(case: Case, own: OwnRows) -> int:
    """The length of the first owner's list, as the third party learns it."""
    linked = case.linked()

    async def one(party: Party) -> int:
        config = SessionConfig(tuple(case.names), party.me, 1, bytes(32), 59, 1000)
        mine = own if party.me == 0 else case.own(linked, case.names[party.me])
        rows = LinkedRows(engine(party, config, []), config, linked, "job", mine)
        return (await rows._settled())[1].lengths["tax"]

    return run(make_parties(3, 1), one)[2]


def recovered(case: Case) -> int:
    """Of how many persons it is told rightly whether they exist, each by the mean length of some jobs' lists."""

    def mean(keys: int, jobs: int) -> float:
        return float(np.mean([seen_length(case, own_rows(case, keys)) for _ in range(jobs)]))

    rng, right = np.random.default_rng(3), 0
    between = (mean(BASE, 3 * JOBS_EACH) + mean(BASE + 1, 3 * JOBS_EACH)) / 2  # of made-up lists, which anybody can try
    for _ in range(PERSONS):
        exists = bool(rng.integers(2))
        told_apart = mean(BASE + exists, JOBS_EACH) - between
        right += bool(told_apart > 0 or (told_apart == 0 and rng.integers(2))) == exists
    return right


@pytest.mark.parametrize("noise", [LAPLACE, LAPLACE | {"lengths": "max_rows"}, GAUSSIAN], ids=["part", "max", "rho"])
def test_lengths_under_noise_tell_nobody_who_exists(noise: dict[str, Any]) -> None:
    """Without `more` in `LinkedRows._settled`, or `more_rows` in `LinkedWork._linked_by`, all of them are recovered."""
    found = recovered(made(noise, method="oblivious"))
    assert abs(found - PERSONS / 2) < 4 * math.sqrt(PERSONS) / 2, found


def test_exact_lengths_would_tell_all_of_them() -> None:
    assert recovered(made(None)) == PERSONS


@pytest.mark.parametrize(("epsilon", "rows"), [("0.2", 1), ("0.2", 7), ("1", 3), ("0.05", 40)])
def test_lengths_differ_within_their_part_of_epsilon(epsilon: str, rows: int) -> None:
    """Two lists, one of which has a unit's rows more: both divergences, of the law as it is drawn."""
    part = {"epsilon": str(float(epsilon) * 5), "bound": rows, "lengths": "0.4"}  # halved by two owners
    law = length_law(made(LAPLACE | part).linked().job, made(None).linked().manifest)
    assert law is not None
    table = noise.laplace(law.rate, law.shift)
    bounds = [0, *((int(h) << 64) + int(w) for h, w in zip(table._high, table._low, strict=True)), 1 << 128]
    weights = [Fraction(b - a, 1 << 128) for a, b in itertools.pairwise(bounds)]
    assert len(weights) == 2 * law.shift + 1
    scale = Fraction(math.exp(float(epsilon) * (1 + 1e-9)))
    for shifted in (weights[rows:] + [Fraction(0)] * rows, [Fraction(0)] * rows + weights[:-rows]):
        beyond = sum(max(Fraction(0), a - scale * b) for a, b in zip(weights, shifted, strict=True))
        assert beyond <= Fraction(1, 1 << DELTA_BITS)


def test_the_part_that_hides_lengths_is_taken_from_the_cells() -> None:
    budgets = {}
    for lengths in ("max_rows", "0.1", "0.5"):
        linked = made(LAPLACE | {"lengths": lengths}).linked()
        (law,) = laws(linked.job, linked.manifest, linked.declarations, ["count.count"]).values()
        budgets[lengths] = law.budget
        one = length_law(linked.job, linked.manifest)
        spent = Fraction(0) if one is WHOLE else 2 * one.rate
        assert law.budget + spent == Fraction("0.01")
    assert budgets == {"max_rows": Fraction("0.01"), "0.1": Fraction("0.009"), "0.5": Fraction("0.005")}


def test_rho_pays_for_lengths_as_for_cells() -> None:
    linked = made(GAUSSIAN | {"rho": "0.5", "bound": 2}).linked()
    law = length_law(linked.job, linked.manifest)
    assert law is not None
    assert 2 * (law.rate * 2) ** 2 / 2 <= Fraction("0.05")
    assert float(2 * (law.rate * 2) ** 2 / 2) == pytest.approx(0.05)


def test_a_list_is_never_longer_than_its_data_set_may_be_nor_shorter_than_it_is() -> None:
    case = made(LAPLACE, max_rows=1000)
    for keys in (0, 999, 1000):
        own = own_rows(case, keys)
        assert keys <= seen_length(case, own) <= 1000
        assert own.more >= 0


def test_noise_too_wide_to_draw_makes_lists_as_long_as_may_be() -> None:
    linked = made(LAPLACE | {"epsilon": "0.001", "bound": 14}).linked()
    assert length_law(linked.job, linked.manifest) is WHOLE
    assert noise.laplace(Fraction(1), 30) is noise.laplace(Fraction(1), 30)
    assert LengthLaw(Fraction(1, 10), 300).shift < MOST_SHIFT


@pytest.mark.parametrize("lengths", ["0", "0.6", "1", "all", "-0.1"])
def test_a_part_that_is_none_is_a_fault(lengths: str) -> None:
    with pytest.raises(SpecError, match=r"disclosure\.noise"):
        made(LAPLACE | {"lengths": lengths}).linked()
