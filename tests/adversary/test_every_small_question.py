"""Everything that can be asked of people who are shown by how many persons tables differ, in a world of seven persons.

With `overlapping: ask` a person may say yes to a table that overlaps earlier ones. Here people say yes wherever the
node lets them, in every order of tables, over every register. Whatever comes out fixes no count of one or two persons;
and how a job ends depends on data only where the node has put it down as a question, of which there are ten.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mpcgov.node import beside, differencing, overlaps
from mpcgov.node.differencing import Release, Side
from mpcgov.node.facts import Deny, Facts, Permit
from mpcgov.spec.statement import Proposal
from mpcgov.worker import differing, following
from tests.adversary import toyasked, toyworld
from tests.adversary.toyasked import KINDS, Table
from tests.adversary.toyworld import LEAST, Counts

SUBSETS = np.array(list(itertools.product((0, 1), repeat=len(KINDS))))[1:]


@dataclass
class Search:
    """All sequences over all registers at once; what is known of a set of tables is in how many orders it comes out."""

    tables: Sequence[Table]
    registers: Counts
    tried: int = 0
    questions: int = 0
    broken: list[tuple[str, ...]] = field(default_factory=list)
    known: dict[frozenset[tuple[int, ...]], Counts] = field(default_factory=dict)

    def run(self, longest: int) -> Search:
        """Sets of one table more at each step; ends where nothing new is let out."""
        level = {frozenset[int](): np.ones(len(self.registers), np.int64)}
        for _ in range(longest):
            after: dict[frozenset[int], Counts] = {}
            for before, ways in level.items():
                for place in range(len(self.tables)):
                    if place not in before and (said := self._said(place, before, ways > 0)) is not None:
                        ways_now = ways * said
                        if ways_now.any():
                            self.tried += int(ways_now.sum())
                            key = before | {place}
                            after[key] = after.get(key, 0) + ways_now
            for one, ways in after.items():
                self._look(one, ways > 0)
                if self.broken:
                    return self
            level = after
        return self

    def _said(self, place: int, before: frozenset[int], where: Counts) -> Counts | None:
        """In which registers a table goes out after others; None if in none."""
        table, earlier = self.tables[place], [self.tables[one] for one in sorted(before)]
        permit = toyasked.verdict(table, earlier)
        if permit is None or permit.beside:
            return None
        if not permit.overlaps:
            return np.ones(len(self.registers), np.int64)
        self.questions += 1
        said = np.zeros(len(self.registers), np.int64)
        said[where] = toyasked.yes_is_possible(table, earlier, permit, self.registers[where])
        return said

    def _look(self, released: frozenset[int], where: Counts) -> None:
        """Whether a count of one or two persons follows from what is shown, for who knows of which kinds nobody is."""
        rows = np.unique(np.concatenate([self.tables[one].asked.cells for one in released]), axis=0)
        registers = self.registers[where]
        known = np.hstack([registers @ rows.T >= LEAST, registers == 0])
        told = np.vstack([rows, np.eye(len(KINDS), dtype=np.int64)])
        for pattern in np.unique(known, axis=0):
            counts = registers[(known == pattern).all(axis=1)] @ self._fixed(told[pattern]).T
            if ((counts > 0) & (counts < LEAST)).any():
                self.broken.append(tuple(self.tables[one].asked.name for one in sorted(released)))
                return

    def _fixed(self, told: Counts) -> Counts:
        key = frozenset(map(tuple, told))
        if key not in self.known:
            _, singular, right = np.linalg.svd(np.vstack([told, np.zeros(len(KINDS))]))
            free = right[np.sum(singular > 1e-9) :]  # what no shown count says anything of
            self.known[key] = SUBSETS[(np.abs(SUBSETS @ free.T) < 1e-9).all(axis=1)]
        return self.known[key]


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """How two choices of rows relate is worked out once for each pair."""
    toyasked.forget()
    known: dict[tuple[int, int], Any] = {}
    relation = differencing._relation

    def once(a: Any, b: Any) -> Any:
        if (id(a), id(b)) not in known:
            known[id(a), id(b)] = relation(a, b)
        return known[id(a), id(b)]

    monkeypatch.setattr(differencing, "_relation", once)


WORLDS = {
    "in all": [one for one in toyasked.tables_added_up() if one.asked.name.startswith("all")],
    "in cells": list(toyasked.tables_added_up()),
    "linked": list(toyasked.tables_linked()),
}
REGISTERS = toyasked.registers()


@pytest.mark.parametrize(
    ("world", "longest"),
    [("in all", 3), ("linked", 3), *(pytest.param("in cells", n, marks=pytest.mark.slow) for n in (2, 3))],
)
def test_no_yes_that_is_possible_singles_anybody_out(
    world: str, longest: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Search(WORLDS[world], REGISTERS).run(longest)
    with capsys.disabled():
        tried = f"{found.tried:,} sequences of up to {longest}, {found.questions:,} questions"
        print(f"tables {world}: {len(WORLDS[world])}, over {len(REGISTERS)} registers {tried}")
    assert found.questions > 0 or world == "linked"
    assert not found.broken


def _only_overlapping(proposal: Proposal, facts: Facts) -> tuple[tuple[str, Release], ...]:
    return beside.beside(proposal, facts, Side.UNCLEAR)


def _unless_both_link(tables: Iterable[Release]) -> bool:
    return sum(one.link != "none" for one in tables) < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "longest", "where", "name", "broken"),
    [
        pytest.param("in all", 3, beside, "reached", _only_overlapping, marks=pytest.mark.slow),
        pytest.param("in all", 3, following, "few", lambda *_: False, marks=pytest.mark.slow),
        pytest.param("in cells", 2, following, "few", lambda *_: False, marks=pytest.mark.slow),
        ("linked", 2, beside, "countable", _unless_both_link),
    ],
    ids=["tables apart don't count", "pairs of three", "pairs in cells", "beside linked rows"],
)
def test_a_yes_counted_on_less_singles_people_out(
    world: str, longest: int, where: Any, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, broken)
    assert Search(WORLDS[world], REGISTERS).run(longest).broken


def test_a_job_ends_by_data_only_where_a_question_is_counted() -> None:
    """What a node says follows from tables alone, and is nothing but no once ten questions were asked."""
    tables = WORLDS["in cells"]
    for place in range(0, len(tables), 4):
        for earlier in itertools.combinations(tables[place % 3 :: 7], 2):
            said = toyasked.decided(tables[place], earlier)
            quick = toyasked.verdict(tables[place], earlier)
            assert (quick is None) == isinstance(said, Deny)
            if quick is not None and isinstance(said, Permit):
                assert (quick.beside, quick.overlaps, quick.counted) == (said.beside, said.overlaps, said.counted)
                limit = toyasked.decided(tables[place], earlier, beside.OVERLAPS_LIMIT)
                assert isinstance(limit, Deny) == bool(said.overlaps)


@pytest.mark.parametrize("register", [(3, 2, 2, 1), (0, 3, 4, 0), (4, 1, 0, 3)])
def test_the_reader_counts_as_this_world_does(register: tuple[int, ...], tmp_path: Path) -> None:
    rows = [f"{sex},{pay}" for (sex, pay), n in zip(KINDS, register, strict=True) for _ in range(n)]
    lines = [f"{number},{row},yes" for number, row in enumerate(rows)]
    (tmp_path / "people.csv").write_text("\n".join(["person,sex,pay,all", *lines, ""]))
    declared = {"people": toyworld.DECLARED["tax"] | {"source": "people.csv", "max_rows": 8}}
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump(declared))
    tables, path = WORLDS["in cells"], str(tmp_path / "datasets.yaml")
    for new, *earlier in (
        (tables[3], tables[29]),
        (tables[2], tables[6], tables[10]),
        (tables[8], tables[29], tables[1]),
    ):
        question = overlaps.question_of(
            "tax",
            path,
            LEAST,
            new.release,
            [earlier[0].release],
            [one.release for one in earlier[1:]],
        )
        chosen = {one.release.parts[0].where: one.rows for one in (new, *earlier)}
        here = toyasked.least(question, chosen, np.array([register]))[0]
        assert (differing.found(question).least >= LEAST) == (here >= LEAST)
