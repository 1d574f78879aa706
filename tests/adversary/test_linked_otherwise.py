"""The same registers linked once more in another way: whom only one of both jobs links, both tables together tell.

The attacker knows how one person is recorded in either register, if at all: with another sex, or a name spelt
otherwise. It asks for all who are linked, first so that such a person is linked, then so that nobody is who differs in
that. Each count is large, and their difference is that person. No owner can count that; so no second way runs by
itself, and people read what it would tell. Without `links_otherwise` in `mpcgov/node/differencing.py` they read that it
is another table.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from mpcgov import registry
from mpcgov.node.differencing import Release, Side, links_otherwise, release
from mpcgov.node.facts import Line, Permit, View
from tests.adversary.test_rows_of_one_person import ONE, PERSONS, decided, linked, proposal
from tests.linked.test_references import reference
from tests.node.test_differencing import released, strictest

TRIED, EVERYBODY, LEAST = 20, 60, 10
NAMES = ["katharina", "wilhelmina", "bartholomew", "maximilian", "alexandra", "christopher"]
RULES = {"join": "inner", "min_count": LEAST, "round_to": None, "receivers": ["coordinator"]}
Row = dict[str, str]


def registers(rng: random.Random, there: bool) -> dict[str, list[Row]]:
    """Both owners' rows; of the second, that of the one person who is asked about comes last, if it is there."""
    own = [
        {"id": str(n), "name": rng.choice(NAMES), "born": f"{1930 + n}-{1 + n % 12:02}-{1 + n % 28:02}"}
        | {"sex": rng.choice("FM")}
        for n in range(EVERYBODY)
    ]
    other = {"name": own[0]["name"][:-1] + "h", "sex": "FM"[own[0]["sex"] == "F"]}
    return {"a": own, "b": own[20:] + [own[0] | other] * there}


def by_key(rows: dict[str, list[Row]], *key: str) -> tuple[int, Release]:
    """How many are linked by some columns, and what such a job releases."""
    owners = {party: {tuple(row[name] for name in key): row for row in some} for party, some in rows.items()}
    (count,) = reference("linked-count").run(owners, {}, {"by": []}, RULES)["count"]
    parties = {party: {"dataset": "people", "key": list(key)} for party in "ab"} | {"c": {}}
    return count[-1], released(parties, protocol="linked-count", params={"by": ["a.region"]}, link={"join": "inner"})


def by_likeness(rows: dict[str, list[Row]], fields: tuple[str, ...], threshold: str) -> tuple[int, Release]:
    """As `by_key`, where records are compared."""
    types = {"name": "name", "born": "date", "sex": "code", "id": "code"}
    said = [{"type": types[name], "columns": {"a": name, "b": name}} for name in fields]
    params = {"fields": said, "threshold": threshold}
    owners = {party: {(str(place),): row for place, row in enumerate(some)} for party, some in rows.items()}
    (count,) = reference("record-linkage").run(owners, {}, params, RULES)["count"]
    columns = {"born": "born", "name": "id", "sex": "sex", "id": "id"}  # of what that module's jobs are over
    told = [{"type": types[name], "columns": dict.fromkeys("ab", columns[name])} for name in fields]
    return count[-1], released(protocol="record-linkage", params={"fields": told, "threshold": threshold})


Ask = Callable[[dict[str, list[Row]]], tuple[int, Release]]
WAYS: dict[str, tuple[Ask, Ask]] = {
    "one more column of the key": (lambda rows: by_key(rows, "id"), lambda rows: by_key(rows, "id", "sex")),
    "another threshold": (
        lambda rows: by_likeness(rows, ("name", "born"), "0.8"),
        lambda rows: by_likeness(rows, ("name", "born"), "1"),
    ),
    "one more field": (
        lambda rows: by_likeness(rows, ("born", "id"), "1"),
        lambda rows: by_likeness(rows, ("born", "id", "sex"), "1"),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_whom_only_one_of_two_ways_links_is_told_to_nobody_without_people_who_know(way: str) -> None:
    rng, plain, found = random.Random(way), 0, 0
    for _ in range(TRIED):
        there = rng.random() < 0.5
        rows = registers(rng, there)
        (first, one), (second, other) = (ask(rows) for ask in WAYS[way])
        told = first - second == 1
        plain += told == there
        asked = strictest(one, other) is Side.RELATED and links_otherwise(other, one)
        found += told == there and not asked
    assert plain == TRIED, "the attack doesn't even work if both tables are out"
    assert found == 0


def test_people_are_told_what_a_second_way_would_tell() -> None:
    first, manifest = proposal(PERSONS, **linked("id")), registry.find("linked-count").manifest
    line = Line("aaaa-aaaa-aaaa", release(first, manifest), None, "final", {}, 0.0)
    found = decided(PERSONS, ONE, None, {"ledger": View((line,))}, **linked("id", "sex"))
    assert isinstance(found, Permit)
    assert found.approve == "manual"
    assert any("links the same registers in another way than job aaaa-aaaa-aaaa" in why for why in found.why)
