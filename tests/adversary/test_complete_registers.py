"""A receiver whose persons are all in the other registers, say of the population, knows its groups' totals.

What it is shown of a group, taken off the group's size, is what the hidden cells hold. In 20 tables of 300 persons by
[own group, the other's status] all 60 hidden cells followed from the others.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mpcgov import owngroups
from mpcgov.node.differencing import Side
from mpcgov.owngroups import NO_MATCH, Cell
from tests import nightly
from tests.linkage.linked_parties import Case
from tests.linked.test_references import reference
from tests.node.test_differencing import DECLARED, both, linked
from tests.worker.test_linked_clearing import released

GROUPS, STATES, HOMES = ["a", "b", "c"], ["single", "married", "divorced", "widowed"], ["flat", "house"]
LEAST, PERSONS, TABLES = 10, 300, 20
ORDER = ["a.region", "b.region", "b.sex"]
DOMAINS: dict[str, Any] = {
    "own.g": GROUPS, "all.s": STATES, "more.h": HOMES, "all.x": {"kind": "integer", "min": 0, "max": 9_999},
}  # fmt: skip
Owners = dict[str, dict[tuple[str, ...], dict[str, str]]]


def registers(rng: random.Random, strangers: int = 0) -> Owners:
    """Everybody who is in the receiver's register is in the others, which may have more."""
    keys = [(str(person),) for person in range(PERSONS + strangers)]
    return {
        "own": {key: {"g": rng.choice(GROUPS), "id": key[0]} for key in keys[:PERSONS]},
        "all": {
            key: {"s": rng.choices(STATES, (40, 40, 17, 3))[0], "x": str(rng.randrange(9_999)), "id": key[0]}
            for key in keys
        },
        "more": {key: {"h": rng.choices(HOMES, (90, 10))[0]} for key in keys},
    }


def ordered(owners: Owners, *names: str) -> Owners:
    return {name: owners[name] for name in names}


def tables(kind: str) -> Iterator[tuple[list[list[Any]], Counter[str]]]:
    """Tables that the receiver is shown, by its own group first; and the sizes of its groups."""
    rng = random.Random(7)
    run = reference({"record-linkage": "record-linkage"}.get(kind, "linked-statistics")).run
    if "count" in kind:
        run = reference("linked-count").run
    rules: dict[str, Any] = {"join": "inner", "min_count": LEAST, "round_to": None, "receivers": ("own", "coordinator")}
    for _ in range(TABLES if "count" in kind else 4):
        owners = registers(rng, strangers=100 if "left" in kind else 0)
        params: dict[str, Any] = {"by": ["own.g", "all.s"]}
        names = ("own", "all")
        if "left" in kind:  # whoever brings all rows is the other; its own are all found
            names, rules = ("all", "own"), rules | {"join": "left"}
        elif "three" in kind:
            names, params = ("own", "all", "more"), {"by": ["own.g", "more.h"]}
        elif "statistics" in kind:
            params |= {"measures": ["all.x"]}
        elif kind == "count of other columns":
            params = {"by": ["all.s"]}
        elif kind == "record-linkage":
            field = {"type": "code", "columns": {"own": "id", "all": "id"}}
            params |= {"fields": [field], "threshold": "1.0", "output": "count"}
        own = ordered(owners, *names)
        domains = {name: DOMAINS[name] for name in (*params["by"], *params.get("measures", []))}
        found = run(own, domains, params, rules)
        sizes = Counter(row["g"] for row in owners["own"].values())
        rows = found["statistics" if "statistics" in found else "count"]
        places = len(params["by"])
        if kind == "count of other columns":
            yield [["", *row[: places + 1]] for row in rows], Counter({"": PERSONS})
        else:
            yield [row[: places + 1] for row in rows if row[0] != NO_MATCH], sizes


KINDS = [
    "count", "statistics", "count of three owners", "count in a left join", "count of other columns", "record-linkage",
]  # fmt: skip


def followed(rows: list[list[Any]], sizes: Mapping[str, int]) -> int:
    """How many hidden numbers follow from the group's size."""
    found = 0
    for group, size in sizes.items():
        line = [row[-1] for row in rows if row[0] == group]
        hidden = line.count(None)
        rest = size - sum(count for count in line if count is not None)
        found += hidden if hidden == 1 or rest == 0 else 0
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_hidden_cell_follows_from_a_receivers_own_group_sizes(kind: str) -> None:
    """Without `owngroups._close` some do in each of these."""
    made = list(tables(kind))
    assert sum(row[-1] is None for rows, _ in made for row in rows) > 0, "something is hidden"
    assert sum(row[-1] is not None for rows, _ in made for row in rows) > 0, "and something isn't"
    assert [followed(rows, sizes) for rows, sizes in made] == [0] * len(made)


def test_inside_mpc_none_does_either() -> None:
    """Without `owngroups.close` in `worker/gates.py` some do, as the references alone are asked above."""
    (rows, sizes), *_ = tables("count")
    owners = ordered(registers(random.Random(7)), "own", "all")
    declared = {party: {"gs"[party == "all"]: category(values)} for party, values in (("own", GROUPS), ("all", STATES))}
    lists = {party: [{"key": key[0]} | row for key, row in some.items()] for party, some in owners.items()}
    made = Case("linked-count", declared, lists, {"by": ["own.g", "all.s"]}, min_count=LEAST, receivers=("own",))
    found = released(made)["count"]
    assert found == rows
    assert 0 < sum(row[-1] is None for row in found) < len(found)
    assert followed(found, sizes) == 0


def category(values: list[str]) -> dict[str, Any]:
    return {"kind": "category", "values": values}


def registers_of_counts(rng: random.Random, cells: list[Cell]) -> dict[Cell, int]:
    return {cell: rng.choice((0, 1, 5, 9, 10, 11, 19, 20, 60)) for cell in cells}


def fits(counts: dict[Cell, int], cell: Cell, value: int, group: list[Cell], by: list[str], left: str | None) -> bool:
    """Whether other persons of the group, so that the cell has that many, would have been shown the same; and in a left
    join other hidden persons in its other groups, and whom the receiver doesn't have."""
    seen, more = owngroups.suppressed(counts, by, LEAST, left, ["own"]), counts[cell] - value
    for base, other in itertools.product(_others(counts, cell, seen) if left else [counts], group):
        if other == cell or other not in seen or base[other] + more < 0:
            continue
        changed = base | {cell: value, other: base[other] + more}
        strangers = [(NO_MATCH, one[1]) for one in (cell, other) if left and (NO_MATCH, one[1]) in seen]
        for others in itertools.product((None, 0, 10, 30), repeat=len(strangers)):
            known = {one: number for one, number in zip(strangers, others, strict=True) if number is not None}
            if owngroups.suppressed(changed | known, by, LEAST, left, ["own"]) == seen:
                return True
    return value == counts[cell]


def _others(counts: dict[Cell, int], cell: Cell, seen: set[Cell]) -> Iterator[dict[Cell, int]]:
    """The counts; and those with nobody in the small cells beside this one, but in others of their groups."""
    yield counts
    moved = dict(counts)
    for group in GROUPS:
        small = group, cell[1]
        if group != cell[0] and small in seen and counts[small] < LEAST:
            most = max((one for one in seen if one[0] == group and one != small), key=moved.__getitem__)
            moved |= {small: 0, most: moved[most] + moved[small]}
    yield moved


@pytest.mark.parametrize("left", [None, "all"])
def test_any_number_below_the_least_fits_what_a_receiver_sees(left: str | None) -> None:
    """Not only isn't a hidden cell's number known: beside anything that is shown it may be any, also for one who knows
    how the cells are chosen. Where all of a group is hidden, its size is all that is known."""
    rng, by, tried = random.Random(11), ["own.g", "all.s"], 0
    cells = [*itertools.product([*GROUPS, *([NO_MATCH] if left else [])], STATES)]
    for _ in range(60):
        counts = registers_of_counts(rng, cells)
        hidden = owngroups.suppressed(counts, by, LEAST, left, ["own"])
        for group in owngroups.groups(cells, by, "own", left):
            shown = [cell for cell in group if cell not in hidden]
            for cell in group if shown else ():
                if cell in hidden and counts[cell] < LEAST:
                    tried += 1
                    assert all(fits(counts, cell, value, group, by, left) for value in range(LEAST)), (counts, cell)
    assert tried > 50


def test_a_category_called_as_no_match_is_closed_like_any_other() -> None:
    """In an inner join nothing lacks a match, whatever an owner calls its groups."""
    counts = {(NO_MATCH, "single"): 9, (NO_MATCH, "married"): 40, (NO_MATCH, "widowed"): 50}
    hidden = owngroups.suppressed(counts, ["own.g", "all.s"], LEAST, None, ["own"])
    assert hidden == {(NO_MATCH, "single"), (NO_MATCH, "widowed")}


def test_of_several_receivers_each_has_its_groups_closed() -> None:
    """A small cell isn't the only hidden one of any group; and where something is shown, what is hidden of each group
    holds so much that it could be anything."""
    rng, partly = random.Random(3), 0
    for by, owners, cells in (
        (["own.g", "all.s"], ["own", "all"], [*itertools.product(GROUPS, STATES)]),
        (["own.g", "all.s", "more.h"], ["more", "own", "all"], [*itertools.product(GROUPS, STATES, HOMES)]),
    ):
        for _ in range(200):
            counts = {cell: rng.choice((5, *(range(9, 300),) * 20)) for cell in cells}
            counts = {cell: rng.choice(some) if isinstance(some, range) else some for cell, some in counts.items()}
            hidden = owngroups.suppressed(counts, by, LEAST, None, owners)
            partly += 0 < len(hidden) < len(cells)
            for owner in owners if len(hidden) < len(cells) else ():
                for group in owngroups.groups(cells, by, owner, None):
                    if any(counts[cell] < LEAST for cell in group):
                        assert len(hidden & set(group)) > 1
                        assert sum(counts[cell] for cell in hidden & set(group)) >= 2 * LEAST - 1
    assert partly > 50


def tables_of(size: int, groups: int, states: int) -> Iterator[tuple[int, ...]]:
    """All tables with so many groups of an owner, each of a size."""
    line = [one for one in itertools.product(range(size + 1), repeat=states) if sum(one) == size]
    for lines in itertools.product(line, repeat=groups):
        yield tuple(itertools.chain(*lines))


def excluded(receivers: list[str], least: int, size: int, groups: int, every: bool) -> tuple[int, int]:
    """Of all tables of so many groups of an owner, each of a size, and three of another's, how many have a small hidden
    cell of which somebody can exclude a number below the least who knows the rules and these sizes; and how many have
    cells that are shown beside hidden ones.

    `every`: that is somebody who knows the sizes of the other owner's groups, too, and something is shown.
    """
    cells, by = [*itertools.product(GROUPS[:groups], STATES[:3])], ["own.g", "all.s"]
    seen: dict[tuple[Any, ...], list[tuple[int, ...]]] = {}
    for table in tables_of(size, groups, 3):
        hidden = owngroups.suppressed(dict(zip(cells, table, strict=True)), by, least, None, receivers)
        shown = tuple(None if cell in hidden else count for cell, count in zip(cells, table, strict=True))
        known = tuple(sum(table[column::3]) for column in range(3)) if every else ()
        seen.setdefault((shown, known), []).append(table)
    found = partly = 0
    for (shown, _), alike in seen.items():
        hidden_places = [place for place, count in enumerate(shown) if count is None]
        some = 0 < len(hidden_places) < len(cells)
        partly += len(alike) if some else 0
        numbers = {place: {table[place] for table in alike} for place in hidden_places}
        told = [place for place, fit in numbers.items() if not fit.issuperset(range(least))]
        if some or not every:
            found += sum(any(table[place] < least for place in told) for table in alike)
    return found, partly


def in_turn(counts: dict[Cell, int], known: list[list[list[Cell]]], hidden: set[Cell], least: int) -> set[Cell]:
    """Each owner's groups by themselves, one owner after the other."""
    for group in itertools.chain(*known):
        owngroups._close(counts, group, hidden, least)
    return hidden


@pytest.mark.parametrize("every", [False, True], ids=["own sizes", "all sizes"])
@pytest.mark.parametrize(("least", "size", "groups"), nightly.first(1, [(2, 11, 2), (2, 7, 3), (3, 15, 2), (2, 12, 3)]))
def test_two_receivers_rules_together_exclude_no_number_below_the_least(
    least: int, size: int, groups: int, every: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed one after the other, some tables tell the owner who comes last; the other, too, who knows all sizes."""
    receivers = ["own", "all"]
    found, partly = excluded(receivers, least, size, groups, every)
    assert found == 0
    assert partly > 100
    assert excluded(receivers[::-1], least, size, groups, every) == (found, partly)
    monkeypatch.setattr(owngroups, "_closed_together", in_turn)
    assert excluded(["all", "own"], least, size, groups, every)[0] > 0


def test_in_a_left_join_the_left_owner_is_one_of_several() -> None:
    """Whoever knows the sizes of all groups, those without a match included, can exclude no number below the least."""
    by, least, most, seen = ["own.g", "more.h"], 2, 3, dict[Any, list[tuple[int, ...]]]()
    cells = [*itertools.product([*GROUPS[:2], NO_MATCH], [HOMES[0], NO_MATCH])]
    for table in itertools.product(range(most + least), repeat=len(cells)):
        hidden = owngroups.suppressed(dict(zip(cells, table, strict=True)), by, least, "all", ["own", "more"])
        if 0 < len(hidden) < len(cells):
            shown = tuple(None if cell in hidden else count for cell, count in zip(cells, table, strict=True))
            sizes = (*(table[row] + table[row + 1] for row in (0, 2, 4)), sum(table[::2]), sum(table[1::2]))
            seen.setdefault((shown, sizes), []).append(table)
    tried = 0
    for (shown, _), alike in seen.items():
        for table, place in itertools.product(alike, range(len(cells))):
            if shown[place] is None and table[place] < least and max(table) <= most:
                tried += 1
                assert {other[place] for other in alike} >= set(range(least))
    assert tried > 100


def test_the_same_cells_in_another_order_are_another_table_to_the_ledger() -> None:
    """Which cell of a group is hidden beside a small one hangs on the order of columns: in two of them it is another
    one, so that both tables together show all of a group but the small cell. The ledger puts the second to people."""
    rng, found = random.Random(9), 0
    shown_by = reference("linked-count").run
    rules = {"join": "inner", "min_count": LEAST, "round_to": None, "receivers": ("own",)}
    for _ in range(TABLES):
        owners, seen = registers(rng), dict[frozenset[str], int | None]()
        for row in owners["all"].values():
            row["s"] = rng.choice(STATES[:3])
            row["h"] = rng.choices(HOMES, (95, 5) if row["s"] == "divorced" else (50, 50))[0]
        two = ordered(owners, "own", "all")
        sizes = Counter(row["g"] for row in two["own"].values())
        for columns in (["own.g", "all.s", "all.h"], ["own.g", "all.h", "all.s"]):
            domains = {"own.g": GROUPS, "all.s": STATES[:3], "all.h": HOMES}
            for *cell, count in shown_by(two, domains, {"by": columns}, rules)["count"]:
                seen[frozenset(cell)] = seen.get(frozenset(cell)) if count is None else count
        found += followed([[next(g for g in GROUPS if g in cell), count] for cell, count in seen.items()], sizes)
    assert found > TABLES, "both tables together tell"
    first, second = ({"params": {"by": by}, "receivers": ["a"]} for by in (ORDER, ORDER[::-1]))
    assert both(linked(**first), linked(**first)) is Side.SAME_CELLS
    assert both(linked(**first), linked(**second)) is Side.RELATED
    assert both(linked(params={"by": ORDER}), linked(params={"by": ORDER[::-1]})) is Side.SAME_CELLS
    values = {"columns": DECLARED["columns"] | {"sex": {"kind": "category", "values": ["M", "F"]}}}
    assert both(linked(**first), linked(declared=values, **first)) is Side.RELATED
    assert both(linked(**first), linked(**first | {"receivers": ["a", "b"]})) is Side.RELATED
