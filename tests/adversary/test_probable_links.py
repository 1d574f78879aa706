"""Tables that say how good links are: whether a number is null mustn't tell that it is 0.

The attacker knows all links but one, and how probable each is, or all records of an owner but one. Numbers by
probability were shown if each was 0 or enough, and match rates where a group had no records: so a flag that nobody had
showed a table, and one that one person had didn't. Both attacks are done with that rule, where they find everybody, and
without. Gains are persons found of persons tried, where none is chance.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.linked import comparing
from mpcgov.linked.qualified import Qualified
from mpcgov.mpc import SecretArray
from mpcgov.records.fellegi_sunter import shown
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.worker import linkquality
from tests.linked.test_references import reference
from tests.worker.dealt import on_shares

LEAST, TRIED = 3, 20
Numbers = Sequence[int]
Shown = list[int | None]


def by_band(reached: Numbers) -> Shown:
    """The rule as it was: numbers of each band, if each is 0 or enough."""
    bands = [one - following for one, following in itertools.pairwise([*reached, 0])]
    fine = reached[0] >= LEAST and all(band == 0 or band >= LEAST for band in bands)
    return [*bands] if fine else [None] * len(bands)


def by_least(reached: Numbers) -> Shown:
    return shown(reached, LEAST)


def persons_found(rule: Callable[[Numbers], Shown], few: int) -> int:
    """Of how many links the attacker, who knows all others, tells whether they are in a band with `few` others."""
    rng, found = random.Random(few), 0
    for _ in range(TRIED):
        others = [rng.randrange(LEAST, 40) for _ in range(3)]
        place, away = rng.sample(range(3), 2)
        others[place] = few
        seen = []
        for band in (place, away):
            bands = [number + (here == band) for here, number in enumerate(others)]
            seen.append(rule([sum(bands[here:]) for here in range(3)]))
        found += [one is None for one in seen[0]] != [one is None for one in seen[1]]
    return found


def test_nobody_among_links_of_a_probability_looks_as_one_does() -> None:
    assert persons_found(by_band, 0) == TRIED
    assert persons_found(by_least, 0) == persons_found(by_least, 1) == 0


def test_a_hidden_number_of_links_may_be_any_of_as_many_as_min_count() -> None:
    """For every set of numbers: in place of one that is hidden nobody, or any few, would have been shown the same."""
    every = [r for r in itertools.product(range(14), repeat=3) if r[0] >= r[1] >= r[2]]
    alike: dict[tuple[int | None, ...], set[tuple[int, ...]]] = {}
    for numbers in every:
        alike.setdefault(tuple(by_least(numbers)), set()).add(numbers)
    for seen, fitting in alike.items():
        numbers = [number for number in seen if number is not None]
        assert all(a - b >= LEAST for a, b in itertools.pairwise(numbers))
        for place, number in enumerate(seen):
            if number is None:
                assert len({one[place] for one in fitting}) >= LEAST, (seen, place)


@pytest.mark.by_day(2)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_inside_mpc_the_same_numbers_are_hidden(size: int) -> None:
    every = [r for r in itertools.product((0, 1, 2, 3, 5, 6, 8, 11), repeat=size) if list(r) == sorted(r, reverse=True)]
    bits = on_shares(every, lambda links: linkquality.of_reached(links, LEAST))
    assert bits == [[number is not None for number in by_least(numbers)] for numbers in every]


# -- match rates

FLAGS = ["no", "yes"]
RATES = reference("record-linkage").match_rates


def hidden(flags: Sequence[str], linked: Sequence[bool], every: bool) -> list[bool]:
    """Which of a flag's match rates are null. `every`: also a group without records must have enough."""
    rows = [{"tax": {"flag": flag}} for flag, link in zip(flags, linked, strict=True) if link]
    groups = [("tax.flag", flags)]
    if not every and "yes" not in flags:  # as it was: that group isn't looked at
        (row,) = RATES(groups, rows, {"tax.flag": ["no"]}, LEAST)
        return [row[1] is None, True]
    return [row[1] is None for row in RATES(groups, rows, {"tax.flag": FLAGS}, LEAST)]


@pytest.mark.parametrize("every", [False, True])
def test_match_rates_do_not_say_that_nobody_has_a_flag(every: bool) -> None:
    """Whoever knows that all others have none asks for the rates of those who have it, and of those who don't."""
    rng, found = random.Random(1), 0
    for _ in range(TRIED):
        linked = [rng.random() < 0.5 for _ in range(40)]
        flags = ["no"] * 40
        flags[(target := rng.randrange(40))] = "yes"
        found += hidden(flags, linked, every) != hidden([*flags[:target], "no", *flags[target + 1 :]], linked, every)
    assert found == (0 if every else TRIED)


def told_by_two(rng: random.Random, own: bool) -> tuple[bool, bool]:
    """Whether a person is linked, and what the rates of two columns say of it: one that has everybody's group, and one
    that an owner has made up to differ from it in this person."""
    groups = [rng.choice(FLAGS) for _ in range(40)]
    made = list(groups)
    made[0] = FLAGS[groups[0] == FLAGS[0]]
    linked = [rng.random() < 0.5 for _ in groups]
    rows = [
        {"tax": {"x": x, "z": z}, "edu": {"z": z}}
        for x, z, is_there in zip(made, groups, linked, strict=True)
        if is_there
    ]
    columns = ["tax.x", "tax.z" if own else "edu.z"]
    rates = {
        name: count
        for name, _, count, _ in RATES(
            [(columns[0], made), (columns[1], groups)], rows, dict.fromkeys(columns, FLAGS), LEAST
        )
    }
    return linked[0], rates[f"{columns[0]}=yes"] != rates[f"{columns[1]}=yes"]


@pytest.mark.parametrize("own", [True, False])
def test_two_columns_of_which_an_owner_made_one_up_tell_who_is_linked(own: bool) -> None:
    """So no job has both: none has two of one owner, nor two at all where an owner gets the result."""
    rng = random.Random(own)
    assert all(there == told for there, told in (told_by_two(rng, own) for _ in range(TRIED)))
    report = ["tax.x", "tax.z" if own else "edu.z"]
    for receiver in ["tax", "edu", *(["coordinator"] if own else [])]:
        assert any("params.report" in fault for fault in faults_of(report, receiver))
    assert faults_of(report[:1], "tax") == []
    assert faults_of(["tax.x", "edu.z"], "coordinator") == []
    assert faults_of(report, "tax", output="links") == []


def faults_of(report: list[str], receiver: str, **params: Any) -> list[str]:
    parties = {"tax": {"dataset": "d"}, "edu": {"dataset": "d"}, "census": {}}
    said = {"protocol": "record-linkage", "purpose": "p", "legal_basis": "l", "receivers": [receiver]}
    job = validate(said | {"parties": parties, "params": {"report": report} | params}, Job, "job")
    return [*comparing.report_faults(job)]


def test_inside_mpc_neither() -> None:
    column = Qualified("tax", "flag")
    asked: Any = SimpleNamespace(asked=SimpleNamespace(report=(column,)), levels=lambda _: FLAGS)
    cases = [[40, 0, 20, 0], [39, 1, 20, 0], [39, 1, 19, 1], [30, 10, 15, 5], [30, 10, 15, 8], [30, 10, 15, 7]]

    def gate(counts: SecretArray) -> SecretArray:
        return linkquality.of_match_rates(asked, {"r.records": [counts[:2]], "r.linked": [counts[2:]]}, "r", LEAST)

    assert on_shares(cases, gate) == [[0, 0], [0, 0], [0, 0], [1, 1], [0, 0], [1, 1]]
