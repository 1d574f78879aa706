"""As `test_every_small_question`, where a partner's rows are added to ours, in some tables or all, or some of its rows.

A cell is shown if all rows in it are enough, so that a small one of ours may be in a number that is shown. People at
tax say yes wherever their node lets them; the partner says yes to everything. No count of one or two of *our* persons
follows from what comes out, neither for who knows nobody's rows nor for the partner, if it is a receiver.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mpcgov.worker import following
from tests import nightly
from tests.adversary import test_every_small_question, toyasked
from tests.adversary.test_every_small_question import Search
from tests.adversary.toyasked import KINDS, RELEASES, Table
from tests.adversary.toyworld import LEAST, Asked, Counts

OURS, SEXES = len(KINDS), ("F", "M")
THEIRS = {None: (0, 0), "all": (1, 1), "sex = 'F'": (1, 0)}
"""Of the partner's women and men, who is in a table by its filter; None where it brings nobody."""
CHOICES = (
    KINDS, [one for one in KINDS if one[0] == "F"], [one for one in KINDS if one[0] == "M"],
    [one for one in KINDS if one[1] == "1"], [one for one in KINDS if one != ("F", "1")],
)  # fmt: skip
SUBSETS = np.array([(*some, 0, 0) for some in itertools.product((0, 1), repeat=OURS)])[1:]
MANY = (0, 1, 3, 9)
"""How many women, and how many men, the partner may have."""

remembered = test_every_small_question.remembered


def tables(by: str) -> Iterator[Table]:
    """Each choice of ours, with each of the partner's."""
    for chosen, (whose, theirs) in itertools.product(CHOICES, THEIRS.items()):
        part: dict[str, Any] = {"dataset": "people", **toyasked._where(chosen)}
        other = {} if whose is None else {"dataset": "people"} | ({} if whose == "all" else {"where": whose})
        job = {
            "protocol": "joint-count",
            "parties": {"tax": part, "welfare": other, "statistics": {}},
            "params": {"by": [by]},
            "disclosure": {"min_count": LEAST},
        }
        cells = [
            [int(kind in chosen and sex in (None, kind[0])) for kind in KINDS]
            + [there * (sex in (None, own)) for own, there in zip(SEXES, theirs, strict=True)]
            for sex in (SEXES if by == "sex" else (None,))
        ]
        rows = np.array([int(kind in chosen) for kind in KINDS])
        table = Table(Asked.of(f"{by} of {chosen} with {whose}", job, cells), rows)
        RELEASES[id(table.asked.proposal)] = table.release
        yield table


class Beside(Search):
    """`knows`: the attacker is the partner, and is named as a receiver."""

    knows = False

    def _said(self, place: int, before: frozenset[int], where: Counts) -> Counts | None:
        table, earlier = self.tables[place], [self.tables[one] for one in sorted(before)]
        permit = toyasked.verdict(table, earlier)
        if permit is None or permit.beside:
            return None
        if not permit.overlaps:
            return np.ones(len(self.registers), np.int64)
        self.questions += 1
        ours, of_ours = np.unique(self.registers[:, :OURS], axis=0, return_inverse=True)
        return toyasked.yes_is_possible(table, earlier, permit, ours)[of_ours.reshape(-1)] * where

    def _look(self, released: frozenset[int], where: Counts) -> None:
        rows = np.unique(np.concatenate([self.tables[one].asked.cells for one in released]), axis=0)
        registers = self.registers[where]
        empty, counted = registers == 0, registers
        if self.knows:  # it takes them off; so it is shown what is enough without them, as any receiver with rows
            empty, counted = empty.copy(), registers * (np.arange(OURS + 2) < OURS)
            empty[:, OURS:] = True
        known = np.hstack([counted @ rows.T >= LEAST, empty])
        told = np.vstack([rows, np.eye(OURS + 2, dtype=np.int64)])
        for pattern in np.unique(known, axis=0):
            counts = registers[(known == pattern).all(axis=1)] @ self._fixed(told[pattern]).T
            if ((counts > 0) & (counts < LEAST)).any():
                self.broken.append(tuple(self.tables[one].asked.name for one in sorted(released)))
                return

    def _fixed(self, told: Counts) -> Counts:
        key = frozenset(map(tuple, told))
        if key not in self.known:
            _, singular, right = np.linalg.svd(np.vstack([told, np.zeros(OURS + 2)]))
            free = right[np.sum(singular > 1e-9) :]
            self.known[key] = SUBSETS[(np.abs(SUBSETS @ free.T) < 1e-9).all(axis=1)]
        return self.known[key]


class Knowing(Beside):
    knows = True


def registers() -> Counts:
    """Ours, and how many the partner has."""
    ours, theirs = toyasked.registers(), np.array([*itertools.product(MANY, repeat=2)])
    return np.hstack([np.repeat(ours, len(theirs), axis=0), np.tile(theirs, (len(ours), 1))])


@pytest.mark.parametrize(("by", "longest"), nightly.first(1, [("all", 2), ("sex", 2), ("all", 3), ("sex", 3)]))
@pytest.mark.parametrize("attacker", nightly.first(1, [Beside, Knowing]))
def test_no_yes_beside_a_partners_rows_singles_ours_out(
    by: str, longest: int, attacker: type[Beside], capsys: pytest.CaptureFixture[str]
) -> None:
    every, world = list(tables(by)), registers()[:: nightly.count(5, 1)]
    found = attacker(every, world).run(longest)
    with capsys.disabled():
        tried = f"{found.tried:,} sequences of up to {longest}, {found.questions:,} questions"
        print(f"{len(every)} tables by {by} with a partner's rows, over {len(world):,} registers {tried}")
    assert found.questions > 0
    assert not found.broken


@pytest.mark.slow
def test_a_yes_that_leaves_a_partners_rows_out_singles_people_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "few", following._few_of)
    assert Beside(list(tables("sex")), registers()).run(3).broken
