"""The join and the sums over its cells, all parties in one process, against a plain join."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pytest

from mpcgov import figures
from mpcgov.linkage import join, matching, tags
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linked import wanted
from mpcgov.linked.columns import NO_MATCH
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.linked.sets import owner_sets
from tests.linkage.linked_parties import Case, opened_places, places, steps

DECLARED: dict[str, dict[str, dict[str, Any]]] = {
    "tax": {
        "income": {"kind": "decimal", "min": "-10", "max": "1000", "places": 2},
        "region": {"kind": "category", "values": ["North", "South"]},
        "size": {"kind": "category", "values": ["small", "middle", "large"]},
        "wide": {"kind": "integer", "min": -(2**50), "max": 2**50},
    },
    "edu": {
        "level": {"kind": "category", "values": ["ba", "ma", "phd"]},
        "age": {"kind": "integer", "min": 0, "max": 120},
        "wide": {"kind": "integer", "min": 0, "max": 2**44},
    },
    "wel": {
        "kind": {"kind": "category", "values": ["x", "y"]},
        "benefit": {"kind": "integer", "min": -5, "max": 50},
        "w": {"kind": "integer", "min": 0, "max": 7},
    },
    "o4": {"n": {"kind": "integer", "min": 0, "max": 9}},
    "o5": {},
}
PAIR = [["tax.income", "edu.age"]]
METHODS = ["matcher", "oblivious"]


def value(rng: random.Random, kind: dict[str, Any]) -> str:
    if kind["kind"] == "category":
        return str(rng.choice(kind["values"]))
    low, high = int(kind["min"]), int(kind["max"])
    if kind["kind"] == "decimal":
        cents = rng.choice([100 * low, 100 * high, rng.randint(100 * low, 100 * high)])
        return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
    return str(rng.choice([low, high, rng.randint(low, high)]))


def case(
    seed: int, people: int, share: float, protocol: str, params: dict[str, Any], owners: int = 2, **more: Any
) -> Case:
    rng = random.Random(seed)
    declared = dict(itertools.islice(DECLARED.items(), owners))
    rows = {}
    for name, columns in declared.items():
        keys = [f"persón {i}" for i in range(people) if rng.random() < share]
        rng.shuffle(keys)
        rows[name] = [{"key": key} | {column: value(rng, kind) for column, kind in columns.items()} for key in keys]
    return Case(protocol, declared, rows, params, **more)


def number(made: Case, linked: Linked, column: Qualified, row: dict[str, str]) -> int:
    """A row's value in steps; of one that is about another, 1 in the rows of a part of it, or what they hold."""
    if not column.column.startswith(":"):
        return steps(linked.declarations[column.party].columns[column.column], row[column.column])
    part, _, name = column.column[1:].partition(" ")
    own = known(made, linked, Qualified(column.party, name))
    if part == "some":
        return int(own.value(row) != 0)
    if part == "held":
        return own.held(row)
    return int(own.third(row) == int(part))


KNOWN: dict[tuple[int, Qualified], tuple[Case, figures.Own]] = {}


def known(made: Case, linked: Linked, column: Qualified) -> figures.Own:
    """What a column's owner knows of it."""
    if KNOWN.get((id(made), column), (None,))[0] is not made:
        by = [one.column for one in linked.asked.groups if one.party == column.party]
        own = figures.Own(made.rows[column.party], column.column, by, made.declared[column.party][column.column])
        KNOWN[id(made), column] = made, own
    return KNOWN[id(made), column][1]


def plain(made: Case, linked: Linked) -> dict[str, list[int]]:
    """Every sum in every cell, by going through the left owner's rows one by one."""
    by_key = {name: {row["key"]: row for row in rows} for name, rows in made.rows.items()}
    left = linked.owners[0]
    cells = list(itertools.product(*(linked.values(column) for column in linked.asked.groups)))
    result: dict[str, list[int]] = {}
    for name, one in wanted.by_name(linked).items():
        totals: Counter[tuple[str, ...]] = Counter()
        for key in by_key[left]:
            if not all(key in by_key[owner] for owner in one.owners):
                continue
            cell = tuple(
                by_key[c.party][key][c.column] if key in by_key[c.party] else NO_MATCH for c in linked.asked.groups
            )
            totals[cell] += prod(number(made, linked, c, by_key[c.party][key]) for c in one.columns)
        result[name] = [totals[cell] for cell in cells]
    return result


def computed(made: Case) -> tuple[dict[str, list[int]], Linked]:
    """Every sum in every cell as the parties compute it, put together from its limbs."""
    linked = made.linked()

    async def program(rows: LinkedRows) -> Any:
        return await places(await rows.cell_sums())

    found = opened_places(made.run(program)[0], made.threshold)
    result = {}
    for name, one in wanted.by_name(linked).items():
        digits = found[name]
        assert len(digits) == one.places
        result[name] = [
            sum(int(d) << (k * one.radix_bits) for k, d in enumerate(cell)) - one.offset
            for cell in zip(*digits, strict=True)
        ]
    return result, linked


TAGS = tags.TagList.tags
STATISTICS = {"by": ["edu.level", "tax.region"], "measures": ["tax.income", "edu.age"], "correlations": PAIR}


@pytest.mark.by_day(5)
@pytest.mark.parametrize("join_", ["inner", "left"])
@pytest.mark.parametrize(("people", "share"), [(0, 0.5), (1, 1.0), (40, 0.0), (150, 0.5), (150, 1.0), (1000, 0.8)])
@pytest.mark.parametrize("method", METHODS)
def test_sums_of_two_owners_are_those_of_a_plain_join(people: int, share: float, join_: str, method: str) -> None:
    made = case(people, people, share, "linked-statistics", STATISTICS, join=join_, method=method)
    found, linked = computed(made)
    assert found == plain(made, linked)


@pytest.mark.parametrize("rows", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_sums_of_many_rows_are_those_of_a_plain_join(rows: int) -> None:
    params = {"by": ["edu.level"], "measures": ["tax.income"]}
    made = case(7, rows * 11 // 10, 0.9, "linked-statistics", params, join="left", max_rows=rows)
    expected = plain(made, made.linked())
    assert sum(expected["statistics.count"]) > 0.95 * rows
    for method in METHODS:
        assert computed(replace(made, method=method))[0] == expected


@pytest.mark.by_day(7)
@pytest.mark.parametrize("join_", ["inner", "left"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"measures": ["edu.age"]},
        {"by": ["tax.size", "edu.level", "tax.region"], "measures": ["tax.income"]},
        {"by": ["edu.level"], "measures": ["tax.wide", "edu.wide"], "correlations": [["tax.wide", "edu.wide"]]},
        {"by": ["edu.level", "wel.kind"], "measures": ["tax.income", "wel.benefit"], "weight": "wel.w"},
        {
            "by": ["wel.kind"],
            "correlations": [["tax.income", "edu.age"], ["edu.age", "wel.benefit"]],
            "weight": "wel.w",
        },
        {"by": ["tax.region"], "measures": ["edu.wide"], "correlations": [["tax.wide", "edu.wide"]], "weight": "wel.w"},
    ],
    ids=range(7),
)
@pytest.mark.parametrize("method", METHODS)
def test_sums_of_three_owners_are_those_of_a_plain_join(params: dict[str, Any], join_: str, method: str) -> None:
    made = case(7, 130, 0.8, "linked-statistics", params, 3, join=join_, method=method)
    found, linked = computed(made)
    assert found == plain(made, linked)
    if "wide" in str(params):
        assert max(one.places for one in wanted.by_name(linked).values()) >= 2


@pytest.mark.by_day(4)
@pytest.mark.parametrize(
    ("owners", "parties", "threshold"), [(2, 4, 1), (2, 5, 2), (3, 4, 1), (4, 5, 2), (4, 4, 1), (5, 5, 2)]
)
@pytest.mark.parametrize("method", METHODS)
def test_any_number_of_parties(owners: int, parties: int, threshold: int, method: str) -> None:
    params = {"by": ["edu.level"], "measures": ["tax.income", "edu.age"]}
    made = case(3, 60, 0.8, "linked-statistics", params, owners, parties=parties, threshold=threshold, method=method)
    found, linked = computed(made)
    assert found == plain(made, linked)


@pytest.mark.parametrize("size_noise", ["off", {"epsilon": "0.5"}])
def test_the_noise_changes_nothing_in_the_result(size_noise: Any) -> None:
    made = case(5, 100, 0.7, "linked-count", {"by": ["edu.level"]}, size_noise=size_noise)
    found, linked = computed(made)
    assert found == plain(made, linked)


@pytest.mark.parametrize("method", METHODS)
def test_the_shorter_list_is_the_left_one(method: str) -> None:
    made = case(5, 400, 1.0, "linked-count", {"by": ["tax.region"]}, method=method)
    made.rows["edu"] = made.rows["edu"][:50]
    linked = made.linked()

    async def program(rows: LinkedRows) -> Any:
        return (await rows._settled())[0].stars[0].left, await places(await rows.cell_sums())

    results, _ = made.run(program)
    assert {left for left, _ in results} == {"edu"}
    assert (
        opened_places([found for _, found in results], 1)["count.count"][0].tolist()
        == plain(made, linked)["count.count"]
    )


@pytest.mark.by_day(9)
@pytest.mark.parametrize(
    ("owners", "parties", "threshold"), [(2, 3, 1), (2, 5, 2), (3, 3, 1), (3, 5, 2), (4, 4, 1), (5, 5, 1)]
)
@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("method", METHODS)
def test_overlaps_of_every_set(owners: int, parties: int, threshold: int, share: float, method: str) -> None:
    made = case(9, 120, share, "overlap", {}, owners, parties=parties, threshold=threshold, method=method)

    async def program(rows: LinkedRows) -> Any:
        return await places({"counts": await rows.overlaps()})

    ((counts,),) = opened_places(made.run(program)[0], threshold).values()
    keys = {name: {row["key"] for row in rows} for name, rows in made.rows.items()}
    common = [set.intersection(*(keys[name] for name in owned)) for owned in owner_sets(tuple(keys))]
    assert counts.tolist() == list(map(len, common))


def test_overlap_without_noise() -> None:
    made = case(9, 120, 0.6, "overlap", {}, size_noise="off")

    async def program(rows: LinkedRows) -> Any:
        return await places({"count": await rows.overlaps()})

    ((count,),) = opened_places(made.run(program)[0], 1).values()
    keys = [{row["key"] for row in rows} for rows in made.rows.values()]
    assert count.tolist() == [len(keys[0] & keys[1])]


def test_a_collision_of_an_owners_tags_makes_both_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found in the first attempt, so that the spoke's keys are made twice and the result is right."""
    made = case(1, 60, 0.8, "overlap", {})
    looked, agreed = [], []

    def sometimes(found: np.ndarray) -> tuple[np.ndarray, bool]:
        looked.append(1)
        rows, _ = matching.ascending(found)
        return rows, len(looked) == 1

    def counted(*args: Any) -> Any:
        agreed.append(1)
        return tags.spoke_keys(*args)

    monkeypatch.setattr(join, "ascending", sometimes)
    monkeypatch.setattr(join, "spoke_keys", counted)

    async def program(rows: LinkedRows) -> Any:
        return await places({"count": await rows.overlaps()})

    ((count,),) = opened_places(made.run(program)[0], 1).values()
    assert len(agreed) == 4
    keys = [{row["key"] for row in rows} for rows in made.rows.values()]
    assert count.tolist() == [len(keys[0] & keys[1])]


def test_a_collision_in_one_of_two_spokes_side_by_side_changes_no_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its matcher has sent its order before, and gets other lists: in common they have nothing."""
    made = case(1, 60, 0.8, "linked-statistics", {"by": ["edu.level"], "measures": ["tax.income"]}, owners=3)
    looked, lists = [], []

    def sometimes(found: np.ndarray) -> bool:
        looked.append(1)
        return len(looked) == 1

    def noted(one: Any, *asked: Any) -> Any:
        lists.append(made_list := TAGS(one, *asked))
        return made_list

    monkeypatch.setattr(join, "some_equal", sometimes)
    monkeypatch.setattr(tags.TagList, "tags", noted)
    found, linked = computed(made)
    assert found == plain(made, linked)
    assert len(looked) == 6  # four owners of a spoke, two of which do it again
    assert len(lists) == 5  # but the one that had started again sent none
    blocks = [{block.tobytes() for block in one} for one in lists]
    alone = [one for one in blocks if not any(one & other for other in blocks if other is not one)]
    assert len(alone) == 1


@pytest.mark.by_day(3)
@pytest.mark.parametrize("word", [5, 99, 101, 1050, 2000, 2**40, 2**63])
def test_a_length_that_no_list_has_is_refused_and_blamed(word: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(1, 60, 0.8, "overlap", {})
    honest = join.padded_length
    monkeypatch.setattr(join, "padded_length", lambda keys: word if keys == len(made.rows["edu"]) else honest(keys))

    async def program(rows: LinkedRows) -> Any:
        await rows._settled()

    with pytest.raises(join.WireError) as caught:
        made.run(program)
    assert caught.value.peer == 1
