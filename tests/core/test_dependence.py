"""Fields that go together in an owner's own list weigh less together: twins and households aren't one person."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mpcgov.records import agreement
from mpcgov.records import fellegi_sunter as model
from mpcgov.records.agreement import EQUAL, Encoded
from mpcgov.records.dependence import NOBODY, Dependence, dependence

Rows = list[tuple[str, ...]]
FIRST, LAST, BORN, STREET, NUMBER = range(5)
TYPES = ("name", "name", "date", "text", "number")


WORDS = ["".join(row) for row in np.random.default_rng(0).choice([*"abcdefghijklmnopqrstuvwxyz"], (400, 8)).tolist()]
"""Each unlike the others."""


def word(rng: np.random.Generator, count: int) -> str:
    """One of so many made-up words."""
    return WORDS[int(rng.integers(count))]


def persons(count: int, twins: float, seed: int) -> Rows:
    """Made-up households of three at one address; with that share of children who have a twin."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        home = word(rng, 300), str(rng.integers(1, 200))
        last = word(rng, 400)
        for _ in range(3):
            born = f"{rng.integers(1950, 2020)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}"
            found += [(word(rng, 300), last, born, *home) for _ in range(1 + int(rng.random() < twins))]
    return found


def encoded(rows: Rows, fields: tuple[int, ...]) -> list[Encoded]:
    return [agreement.encoded(TYPES[f], [row[f] for row in rows]) for f in fields]


def found(rows: Rows, *fields: int) -> Dependence:
    each = encoded(rows, fields)
    return dependence(each, [agreement.weights(field) for field in each])


def joined(given: Dependence) -> set[frozenset[int]]:
    return {frozenset((child, parent)) for child, parent in enumerate(given.parent) if parent != NOBODY}


def test_of_twins_last_name_and_date_of_birth_go_together() -> None:
    rows = persons(1500, 0.2, 1)
    given = found(rows, FIRST, LAST, BORN)
    assert joined(given) == {frozenset((LAST, BORN))}
    child = next(number for number, parent in enumerate(given.parent) if parent != NOBODY)
    alone = agreement.weights(encoded(rows, (child,))[0])[:, EQUAL]
    assert (alone - given.weights[child]).mean() > 4 * agreement.QUARTERS
    assert (given.weights[FIRST] == agreement.weights(encoded(rows, (FIRST,))[0])[:, EQUAL]).all()


def test_of_households_name_street_and_number_go_together_in_a_tree() -> None:
    given = found(persons(1500, 0, 2), FIRST, LAST, BORN, STREET, NUMBER)
    among = [pair for pair in joined(given) if pair <= {LAST, STREET, NUMBER}]
    assert len(among) == 2, "three fields, two edges: what is equal together counts once"
    assert [pair for pair in joined(given) if BORN in pair] == [{LAST, BORN}], "as twins have at least"


@pytest.mark.parametrize("fields", [(FIRST, LAST), (LAST, BORN)])
def test_in_two_fields_nothing_tells_relatives_from_the_same_person(fields: tuple[int, ...]) -> None:
    assert joined(found(persons(600, 0.3, 3), *fields)) == set()


def test_what_few_pairs_have_by_chance_is_no_dependence() -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        rows = [(word(rng, 20), word(rng, 20), f"{rng.integers(1950, 1990)}0101") for _ in range(100)]
        assert len(joined(found(rows, FIRST, LAST, BORN))) <= 1


def test_who_lacks_a_field_has_no_pair_of_it() -> None:
    rows = persons(900, 0.3, 4)
    rows[::9] = [(row[FIRST], "", *row[BORN:]) for row in rows[::9]]
    fields = encoded(rows, (FIRST, LAST, BORN))
    given = dependence(fields, [agreement.weights(field) for field in fields])
    child = next(number for number, parent in enumerate(given.parent) if parent != NOBODY)
    assert not given.holds(fields, child)[::9].any()
    assert given.holds(fields, child)[1::9].all()
    assert not given.holds(fields, FIRST).any()


def test_twins_apart_are_told_from_persons_in_both_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = persons(2400, 0.2, 5)
    order = np.random.default_rng(6).permutation(len(everybody))
    lists = [[everybody[k] for k in order[some]] for some in (slice(0, 1240), slice(1200, None))]
    first, second = (encoded(rows, (FIRST, LAST, BORN)) for rows in lists)
    alike = sum((a.values[:, None] == b.values).astype(np.int64) for a, b in zip(first, second, strict=True))
    candidates = np.argsort(-alike, axis=1, kind="stable")[:, :4]

    def precision() -> tuple[float, float]:
        links = model.linked(first, second, candidates, Fraction(1, 2))
        right = links.first - 1200 == links.second
        assert right.sum() >= 38, "of 40"
        return float(right.mean()), links.precision

    right, said = precision()
    assert right >= 0.95
    assert said == pytest.approx(right, abs=0.05)

    def independent(_: object, of_level: list[agreement.Ints]) -> Dependence:
        return Dependence((NOBODY,) * 3, np.array([weights[:, EQUAL] for weights in of_level]))

    monkeypatch.setattr(model, "dependence", independent)
    assert precision()[0] < 0.8, "as long as fields count as independent"
