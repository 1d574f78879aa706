"""Whether a number is null mustn't tell that nobody is off a column's usual value.

Who knows all persons of a cell but one, and that they all have 0, would learn the last one's value from whether there
is a mean, if a column that is the same for all were shown, and one that few are off weren't. So nobody is too few, as
in a table of counts. Each attack is done with that exception put back, where it always finds out, and without.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mpcgov import figures
from tests.adversary.designed import released
from tests.adversary.test_sparse_numbers import made
from tests.worker.test_linked_clearing import released as computed

TRIED, ROWS = 5, 50
NUMBER = {"kind": "integer", "min": 0, "max": 1000}
DOMAINS = {"edu.fine": NUMBER, "edu.other": NUMBER, "tax.group": ["a", "b"], "fine": NUMBER, "group": ["a", "b"]}
Tables = Mapping[str, Sequence[Sequence[Any]]]
of_enough, linked_of_enough = figures.of_enough, figures.linked_of_enough


def groups(fines: Sequence[int]) -> list[dict[str, str]]:
    """The persons whom it is about are in the one group, others in the other."""
    rng = random.Random(1)
    own = [{"fine": str(fine), "group": "a", "other": str(rng.randrange(1000))} for fine in fines]
    return own + [
        {"fine": str(rng.randrange(1000)), "group": "b", "other": str(rng.randrange(1000))} for _ in range(ROWS)
    ]


def linked(protocol: str, params: dict[str, Any], fines: Sequence[int], **rules: Any) -> Tables:
    rows = {(str(place),): row for place, row in enumerate(groups(fines))}
    owners = {"tax": {key: {"group": row["group"]} for key, row in rows.items()}, "edu": rows}
    return released(protocol)(owners, DOMAINS, params, {"min_count": 10, "join": "inner"} | rules)


def added(protocol: str, params: dict[str, Any], fines: Sequence[int], **rules: Any) -> Tables:
    rows = groups(fines)
    owners = {"one": rows[::3], "two": rows[1::3], "three": rows[2::3]}
    return released(protocol)(owners, DOMAINS, params, {"min_count": 10} | rules)


BY = {"by": ["tax.group"], "measures": ["edu.fine"]}
ASKED: dict[str, Callable[[Sequence[int]], Tables]] = {
    "linked-statistics": lambda fines: linked("linked-statistics", BY, fines),
    "weight": lambda fines: linked(
        "linked-statistics", {"by": ["tax.group"], "measures": ["edu.other"], "weight": "edu.fine"}, fines
    ),
    "dominance": lambda fines: linked("linked-statistics", BY, fines, dominance=10),
    "linked-t-test": lambda fines: linked("linked-t-test", BY, fines),
    "linked-regression": lambda fines: linked(
        "linked-regression", {"outcome": "edu.other", "predictors": ["edu.fine"]}, [*fines, *[0] * ROWS]
    ),
    "joint-statistics": lambda fines: added("joint-statistics", {"by": ["group"], "measures": ["fine"]}, fines),
    "joint-t-test": lambda fines: added("joint-t-test", {"by": ["group"], "measures": ["fine"]}, fines),
    "a receiver with rows": lambda fines: added(
        "joint-statistics", {"by": ["group"], "measures": ["fine"]}, fines, receivers=["one"]
    ),
}


def with_nobody(parts: Sequence[Sequence[int]], least: int) -> bool:
    """The exception: a column may have one value in all rows."""
    return of_enough(parts, least) or all(len(set(part)) <= 1 for part in parts)


def linked_with_nobody(columns: Any, weight: Any, least: int, held: int) -> bool:
    alike = [len({own.value(row) for row in rows}) <= 1 for own, rows in (*columns, *([weight] if weight else []))]
    return linked_of_enough(columns, weight, least, held) or any(alike)


def shape(tables: Tables) -> list[bool]:
    """What is null."""
    return [value is None for table in tables.values() for row in table for value in row]


def told(ask: Callable[[Sequence[int]], Tables], usual: int, other: int) -> bool:
    """Whether what is null says that the last of a group has another value than all others."""
    return shape(ask([usual] * ROWS)) != shape(ask([usual] * (ROWS - 1) + [other]))


@pytest.mark.by_day(4)
@pytest.mark.parametrize("kind", ASKED)
def test_null_does_not_say_whether_the_last_one_is_off(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, found = random.Random(kind), 0
    for _ in range(TRIED):
        usual, other = rng.sample(range(1000), 2)
        found += told(ASKED[kind], usual, other)
    assert found == 0
    monkeypatch.setattr(figures, "of_enough", with_nobody)
    monkeypatch.setattr(figures, "least_held", lambda *_: 0)
    monkeypatch.setattr(figures, "linked_of_enough", linked_with_nobody)
    if kind != "linked-regression":  # which never had it
        assert told(ASKED[kind], 1, 2)


def test_inside_mpc_neither() -> None:
    """Numbers of all, a weight of all, and one person off either: all null."""
    wages = [random.Random(2).randrange(10_000) for _ in range(240)]
    for few, params in itertools.product(
        (0, 1), ({"measures": ["edu.rare"]}, {"measures": ["tax.wage"], "weight": "edu.rare"})
    ):
        tables = computed(made(params, [7 + (place < few) for place in range(240)], wages))
        assert tables["statistics"][0] == [240, None, None]


def test_null_steps_where_counts_do() -> None:
    """A mean of a column of two values is there only if a count by that column would show both, and it is or isn't for
    whatever number that is too few."""
    rows = 80
    shown = [not shape(ASKED["linked-statistics"]([3] * (rows - few) + [8] * few))[2] for few in range(rows + 1)]
    assert not any(shown[:10] + shown[-10:])
    assert all(shown[20:-20])


@pytest.mark.parametrize("by", ["tax.group", "edu.kind"])
def test_null_does_not_say_whether_the_last_one_has_a_match(by: str) -> None:
    """In a left join a mean runs over those who have one. In cells of the other owner's groups all have."""
    shapes = []
    for missing in (0, 1):
        rng = random.Random(3)
        rows = {(str(place),): {"group": "a", "kind": "x", "fine": str(rng.randrange(1000))} for place in range(60)}
        fewer = {(str(place),): row for (place,), row in rows.items() if int(place) >= missing}
        for place in range(60, 80):
            rows[str(place),] = {"group": "b"}
        domains = DOMAINS | {"edu.kind": ["x"]}
        params, rules = {"by": [by], "measures": ["edu.fine"]}, {"join": "left", "min_count": 10}
        shapes.append(shape(released("linked-statistics")({"tax": rows, "edu": fewer}, domains, params, rules)))
    assert shapes[0] == shapes[1]
    assert shapes[0][2] == (by == "tax.group"), "the mean of the first cell"
