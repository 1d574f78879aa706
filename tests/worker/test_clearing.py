"""What the secure disclosure control opens of counts is what the plain rules say, for every rule and shape."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov import disclosure, registry
from mpcgov.rules.protections import added_cost
from mpcgov.spec.job import Disclosure, Job
from tests.worker.clearing import NAMES, Cleared, clear, layout


def check(
    agencies: list[list[int]],
    shape: tuple[int, int],
    rules: Disclosure,
    m: int = 3,
    receivers: str = "",
    impossible: tuple[int, ...] = (),
) -> list[list[int]]:
    counts = [sum(cell) for cell in zip(*agencies, strict=True)]
    named = dict(zip(NAMES, agencies, strict=False))
    expected = disclosure.released(counts, rules, shape[1], named, receivers, impossible)
    assert list(clear(agencies, shape, rules, m, receivers, impossible).tables.values()) == expected
    return expected


NOISE = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person", "bound": 1}

RULES: list[dict[str, Any]] = [
    {"min_count": 5},
    {"min_count": 5, "round_to": 3},
    {"min_count": 5, "contributors": 3},
    {"min_count": 4, "margins": True},
    {"min_count": 4, "margins": True, "contributors": 3},
    {"min_count": 4, "margins": True, "noise": NOISE},
    {"min_count": 4, "margins": True, "noise": NOISE | {"consistent": True}},
]


@pytest.mark.by_day(2)
@pytest.mark.parametrize("rules", RULES, ids="-".join)
@settings(max_examples=12)
@given(data=st.data())
def test_the_secure_rules_open_what_the_plain_ones_do(rules: dict[str, Any], data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    most = data.draw(st.sampled_from([1, 3, 8]))
    least = -most if "noise" in rules else 0
    counts = st.lists(st.integers(least, most), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    receivers = data.draw(st.sampled_from(["", "a", "bc", "abc"]))
    impossible = data.draw(st.lists(st.integers(0, shape[0] * shape[1] - 1), unique=True)) if "margins" in rules else []
    check([data.draw(counts) for _ in range(3)], shape, Disclosure(**rules), 3, receivers, tuple(sorted(impossible)))


def test_one_agency_alone_gets_its_own_cells() -> None:
    assert check([[3, 9]], (1, 2), Disclosure(min_count=5), receivers="a") == [[-1, 9]]


@pytest.mark.parametrize("m", [4, 5])
def test_the_rules_hold_for_other_numbers_of_parties(m: int) -> None:
    rng = random.Random(m)
    agencies = [[rng.choice([0, 1, 5, 9]) for _ in range(12)] for _ in range(m)]
    check(agencies, (3, 4), Disclosure(min_count=5, margins=True, contributors=3), m)
    check(agencies, (3, 4), Disclosure(min_count=12), m, "abcd")


def test_ties_between_cycles_are_broken_the_same_way() -> None:
    """All corners are alike, so that every choice is a tie."""
    hidden = [0, 9, 9, 9, 9, 0, 9, 9, 9, 9, 9, 9]
    tables = check([hidden, [0] * 12, [0] * 12], (3, 4), Disclosure(min_count=5, margins=True))
    assert tables[0].count(disclosure.SENTINEL) == 6
    assert tables[3] == [90]


def test_totals_that_cannot_be_covered_are_suppressed_and_nothing_else_is() -> None:
    tables = check([[1, 9, 9, 4, 0, 0], [0] * 6, [0] * 6], (2, 3), Disclosure(min_count=5, margins=True))
    assert tables == [[-1, 9, 9, -1, -1, -1], [-1, -1], [-1] * 3, [-1]]


def _most_sent(world: Cleared) -> int:
    """What the party sends that sends the most: one of three helps the others."""
    sent = Counter[int]()
    for (sender, _, _), size in world.sizes.items():
        sent[sender] += size
    return max(sent.values())


@pytest.mark.parametrize(("shape", "rule"), [((20, 20), "margins"), ((5, 4), "margins"), ((20, 20), "contributors")])
def test_the_largest_tables_are_done_and_take_what_a_plan_says(shape: tuple[int, int], rule: str) -> None:
    rng = random.Random(1)
    cells = shape[0] * shape[1]
    agencies = [[rng.choice([1, 6, 12, 40]) for _ in range(cells)] for _ in range(3)]
    rules = {"margins": {"margins": True}, "contributors": {"contributors": 3}}[rule]
    counts = [sum(cell) for cell in zip(*agencies, strict=True)]
    with_rule, without = (clear(agencies, shape, Disclosure(**more)) for more in (rules, {}))
    own = dict(zip(NAMES, agencies, strict=False))
    assert list(with_rule.tables.values()) == disclosure.released(counts, Disclosure(**rules), shape[1], own)
    sent = [_most_sent(world) for world in (with_rule, without)]
    parts = {name: {"dataset": "people"} for name in "abc"}
    job = Job(
        protocol="joint-count", purpose="a test", legal_basis="none", parties=parts, receivers=["coordinator"],
        disclosure=rules, params={"by": ["a", "b"]},
    )  # fmt: skip
    _, planned = added_cost(job, registry.find("joint-count").manifest, layout(shape, Disclosure())[0])
    assert 0.5 < (sent[0] - sent[1]) / (2 * planned) < 2


@pytest.mark.parametrize("rules", RULES[:3], ids="-".join)
def test_r21_no_message_holds_a_count_below_the_threshold_nor_the_bits_that_decide(rules: dict[str, Any]) -> None:
    """Counts 0, 1, k − 1 and k. A word that is sent is as good as random: one of a million is below 64, or says which
    cells are shown, once in 10^12 times. There are cells enough to fill the words that hold bits."""
    small = [0, 1, 4, 5] * 32
    world = clear([small, [0] * 128, [0] * 128], (8, 16), Disclosure(**rules))
    shown = [value != disclosure.SENTINEL for value in world.tables["count"]]
    words = np.concatenate([np.frombuffer(message, "<u8") for message in world.network.messages.values()])
    assert len(words) > 1000
    assert words.min() >= 64
    assert not np.isin(words, np.packbits(shown, bitorder="little").view("<u8")).any()


@pytest.mark.by_day(3)
@pytest.mark.parametrize("rules", RULES, ids="-".join)
def test_messages_are_the_same_in_number_and_length_whatever_is_suppressed(rules: dict[str, Any]) -> None:
    """The tables agree in what is shown and differ in what isn't: small counts, and who has them; with noise, negative
    ones too, which are then taken as 0 or not."""
    shown = [[7, 9, 8, 6, 5, 7, 8, 9, 6, 7, 5, 8]] * 3
    worlds = []
    for small in ([0, 0, 0], [1, 0, 2], [3, 0, 0], [-1, -9, 0] if "noise" in rules else [1, 1, 1]):
        agencies = [list(counts) for counts in shown]
        for agency, count in zip(agencies, small, strict=True):
            agency[4] = count
        worlds.append(clear(agencies, (3, 4), Disclosure(**rules)))
    assert worlds[0].tables["count"][4] == disclosure.SENTINEL
    assert all(world.sizes == worlds[0].sizes for world in worlds)
