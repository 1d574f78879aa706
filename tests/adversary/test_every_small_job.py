"""Everything that can be asked in a world of six persons, in every order, under one policy without a person watching.

Whatever sequence of jobs the ledgers let through, and whatever the registers hold, the exact counts that come out fix
no count of fewer than `min_count` persons, however they are added and subtracted. Nothing else is assumed of the
attacker.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgov import disclosure
from mpcgov.node import beside, units
from mpcgov.node.differencing import Release, Side
from mpcgov.spec.job import Disclosure
from tests import nightly
from tests.adversary import toychanges, toyworld
from tests.adversary.before import through_any_corner
from tests.adversary.toyworld import LEAST, MOST_PERSONS, Counts

LONGEST = nightly.count(3, 4)
"""Jobs in a sequence; more than four that differ are never let through here."""


EVERY = 50
"""What is refused beside one job is refused beside it and others; of so many such ones, one is tried all the same."""


class Released(Protocol):
    """A job of one of the worlds: for each of its cells, how often it counts each kind of person."""

    cells: Counts


J = TypeVar("J", bound=Released)


def sequences(
    jobs: Sequence[J], permits: Callable[[J, Sequence[J]], bool] = toyworld.permits
) -> tuple[int, list[tuple[J, ...]]]:
    """How many sequences the ledgers let through, and the jobs of those, each set once."""
    tried, skipped, found = 0, 0, set()
    known: dict[tuple[int, frozenset[int]], bool] = {}
    frontier: list[tuple[int, ...]] = [()]
    while frontier:
        done = frontier.pop()
        for place, job in enumerate(jobs):
            if place in done:
                continue
            before = frozenset(done)
            if (place, before) not in known:
                fewer = next((one for one in before if known.get((place, frozenset({one}))) is False), None)
                known[place, before] = fewer is None and permits(job, [jobs[i] for i in sorted(done)])
                if fewer is not None and (skipped := skipped + 1) % EVERY == 0:
                    assert not permits(job, [jobs[i] for i in sorted(done)])
            if known[place, before]:
                tried += 1
                found.add(frozenset((*done, place)))
                if len(done) + 1 < LONGEST:
                    frontier.append((*done, place))
    largest = [one for one in found if not any(one < other for other in found)]
    return tried, [tuple(jobs[place] for place in sorted(one)) for one in largest]


def small_counts_fixed(
    released: Sequence[Released], registers: Counts, known: Counts | None = None
) -> NDArray[np.bool_]:
    """Of which registers the released counts fix a count of fewer persons than may be told.

    Args:
        known: counts that the attacker knows besides.
    """
    rows = np.unique(np.concatenate([one.cells for one in released]), axis=0)
    values = registers @ rows.T
    shown = values >= LEAST
    subsets = np.array(list(itertools.product((0, 1), repeat=registers.shape[1])))[1:]
    broken = np.zeros(len(registers), bool)
    for pattern in np.unique(shown, axis=0):
        told = rows[pattern] if known is None else np.concatenate([rows[pattern], known])
        if not len(told):
            continue
        _, singular, right = np.linalg.svd(told.astype(float))
        free = right[np.sum(singular > 1e-9) :]  # what no released count says anything of
        fixed = subsets[(np.abs(subsets @ free.T) < 1e-9).all(axis=1)]
        those = (shown == pattern).all(axis=1)
        broken[those] = ((registers[those] @ fixed.T) < LEAST).any(axis=1)
    return broken


def test_no_sequence_of_jobs_fixes_a_small_count(capsys: pytest.CaptureFixture[str]) -> None:
    jobs, registers = list(toyworld.grammar()), toyworld.registers()
    tried, largest = sequences(jobs)
    with capsys.disabled():
        print(f"{len(jobs)} jobs, {tried} sequences, {len(largest)} largest sets, {len(registers)} registers")
    assert tried > len(jobs)
    for released in largest:
        assert not small_counts_fixed(released, registers).any(), [one.name for one in released]


@pytest.mark.slow
def test_a_guard_that_lets_a_partner_excuse_an_owner_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rule that every node judges its own part, the same search finds sequences that single people out."""
    compare = beside.compare

    def excused(new: Release, old: Release, me: str, *, persons_apart: bool) -> Side:
        sides = [compare(new, old, party, persons_apart=True) for party in toyworld.OWNERS]
        own = compare(new, old, me, persons_apart=persons_apart)
        return Side.APART if Side.APART in sides and new.link == old.link != "none" else own

    monkeypatch.setattr(beside, "compare", excused)
    jobs = [job for job in toyworld.grammar() if "linked by ()" in job.name]
    _, largest = sequences(jobs)
    assert any(small_counts_fixed(released, toyworld.registers()).any() for released in largest)


# -- persons with a row for each month, and registers that are brought up to date

CHANGES = {"monthly": list(toychanges.monthly()), "edited": list(toychanges.edited())}
KINDS = {"monthly": toychanges.OF_MONTHS, "edited": toychanges.OF_EDITIONS}


def changes_fix(world: str, released: Sequence[toychanges.Asked]) -> bool:
    """Whether jobs about rows at two times fix a small count that those about either time don't."""
    registers, kinds = toychanges.registers(KINDS[world]), len(KINDS[world])
    if world == "monthly":
        return bool(small_counts_fixed(released, registers).any())
    known = np.ones((1, kinds), np.int64)
    found = small_counts_fixed(released, registers, known)
    for edition in (1, 2):
        if some := [one for one in released if one.edition == edition]:
            found &= ~small_counts_fixed(some, registers, known)
    return bool(found.any())


@pytest.mark.parametrize("world", CHANGES)
def test_no_sequence_fixes_a_small_count_of_persons_with_other_rows(
    world: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = CHANGES[world]
    tried, largest = sequences(jobs, toychanges.permits)
    with capsys.disabled():
        print(f"{world}: {len(jobs)} jobs, {tried} sequences, {len(largest)} largest sets")
    assert tried >= len(jobs)
    for released in largest:
        assert not changes_fix(world, released), [one.name for one in released]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "rule", "broken"),
    [
        ("monthly", "kept_apart", lambda *_: True),
        ("monthly", "known", lambda declared, _: declared.unique),  # which the rows' numbers are, too
        ("edited", "kept_apart", lambda *_: True),
        ("edited", "_unchanged", lambda *_: True),
        ("edited", "meets", lambda *_: False),
    ],
    ids=["months", "row numbers", "editions", "no fingerprint", "not looked at again"],
)
def test_a_guard_that_takes_other_rows_for_other_persons_is_broken(
    monkeypatch: pytest.MonkeyPatch, world: str, rule: str, broken: Callable[..., object]
) -> None:
    monkeypatch.setattr(units, rule, broken)
    jobs = [job for job in CHANGES[world] if "by all" in job.name]
    _, largest = sequences(jobs, toychanges.permits)
    assert any(changes_fix(world, released) for released in largest)


# -- a receiver that brings rows of its own


def owns_taken_out(receivers: Sequence[str]) -> int:
    """Of two agencies with up to six rows in a cell, how many shown counts tell the receiver of fewer rows than may be
    told of the other."""
    rules, broken = Disclosure(min_count=LEAST), 0
    for own, others in itertools.product(range(MOST_PERSONS + 1), repeat=2):
        agencies = {"tax": [own], "welfare": [others]}
        ((shown,),) = disclosure.released([own + others], rules, 1, agencies, receivers)
        broken += shown != disclosure.SENTINEL and shown - own < LEAST
    return broken


def test_a_receiver_with_rows_learns_no_small_count_of_others() -> None:
    assert owns_taken_out(("tax",)) == 0
    assert owns_taken_out(()) > 0  # what the rule is for: without it some counts leave one row when its own are gone


# -- true totals beside a cell that is known to be empty

SIDE = 3
EMPTY = SIDE * SIDE - 1
"""The place of the cell in which nobody can be."""


def tables() -> list[tuple[int, ...]]:
    """Tables of nine cells, of which the last is empty."""
    return [(*cells, 0) for cells in itertools.product((1, 4), repeat=SIDE * SIDE - 1)]


def totals_tell() -> int:
    """In how many of the tables the true totals, with what is known of the empty cell, fix a hidden count."""
    rules, broken = Disclosure(min_count=LEAST, margins=True), 0
    grid = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    lines = [*grid, *grid.T]
    unit = np.eye(SIDE * SIDE)
    margins = np.array([unit[line].sum(axis=0) for line in lines])
    for cells in tables():
        shown, row_totals, *_ = disclosure.released(list(cells), rules, SIDE)
        open_cells = [place for place, value in enumerate(shown) if value != disclosure.SENTINEL]
        known = np.concatenate([unit[open_cells], unit[[EMPTY]], margins if row_totals[0] >= 0 else margins[:0]])
        _, singular, right = np.linalg.svd(known)
        free = right[np.sum(singular > 1e-9) :]
        fixed = (np.abs(free) < 1e-9).all(axis=0) if len(free) else np.ones(SIDE * SIDE, bool)
        broken += any(fixed[place] and value < LEAST for place, value in enumerate(cells[:EMPTY]))
    return broken


def test_totals_tell_no_hidden_cell_though_one_is_known_to_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert totals_tell() == 0
    monkeypatch.setattr(disclosure, "closed", through_any_corner)
    assert totals_tell() > 0
