"""What one job's rules decide, in worlds so small that all of it is tried; and each world again without its rule.

Two adversaries. One takes sums and differences of what is released, and breaks a rule if that fixes how few persons
there are of a kind. The other knows all persons but one, and breaks it if null tells of that one where no number steps
from `min_count` less one to `min_count`. Every world here has a test that takes the rule out and finds the break.
"""

from __future__ import annotations

import itertools
import runpy
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mpcgov import disclosure, figures, registry
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import permute
from mpcgov.mpc.word.permute import Roles
from mpcgov.node import asking, matcher_limits
from mpcgov.node.decide import decide
from mpcgov.node.facts import Balance, Facts, Permit, View
from mpcgov.rules import protections
from mpcgov.spec.job import Disclosure
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.table import Declaration
from mpcgov.worker import gates
from tests.adversary import before, toychanges, toyworld
from tests.adversary.test_every_small_job import small_counts_fixed
from tests.adversary.test_every_small_noise import DECLARED, POLICY, proposals
from tests.adversary.toyworld import LEAST, MOST_PERSONS, Asked, facts, permits, registers
from tests.worker.clearing import clear

STATISTICS = runpy.run_path(str(registry.find("linked-statistics").folder / "reference.py"))["run"]
RULES = {"join": "inner", "min_count": LEAST}
WIDE = {"kind": "integer", "min": 0, "max": 10**12}


# -- numbers of a column


def numbers_of(linked: Sequence[int], others: Sequence[int], pairs: bool = False) -> list[Any]:
    """Mean, variance and correlation of the linked persons' values; other rows of their owner aren't linked."""
    values = {(str(p),): {"y": str(y)} for p, y in enumerate([*linked, *others])}
    own = {(str(p),): {"x": str(2**p)} for p in range(len(linked))}
    params = {"measures": ["b.y"]} | ({"correlations": [["a.x", "b.y"]]} if pairs else {})
    tables = STATISTICS({"b": values, "a": own}, {"b.y": WIDE, "a.x": WIDE}, params, RULES)
    return [*tables["statistics"][0][1:], *(row[-1] for row in tables.get("correlation", ()))]


def about_few_off_the_usual_value() -> int:
    """Of all registers of some persons with 0 and up to six others, how many show numbers that are these others'."""
    strangers = list(range(10**6, 10**6 + 300))
    shown = {
        few: sum(
            numbers_of([0] * usual + [7**n for n in range(few)], strangers)[0] is not None for usual in range(12, 20)
        )
        for few in range(MOST_PERSONS + 1)
    }
    assert shown[MOST_PERSONS] > 0
    return sum(shown[few] for few in range(LEAST))


def test_numbers_about_few_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue: a column that is the same for nearly all."""
    assert about_few_off_the_usual_value() == 0
    whole = figures.linked_of_enough
    monkeypatch.setattr(figures, "linked_of_enough", lambda columns, weight, _, held: whole(columns, weight, 0, held))
    assert about_few_off_the_usual_value() > 0


def values_fixed() -> int:
    """Of ways in which 6 of 13 persons may have a 1, every twentieth is tried: for how many is it, of all, the only one
    that gives what is released."""
    ways = [[int(p in some) for p in range(13)] for some in itertools.combinations(range(13), 6)]
    centred = np.array(ways) - 6 / 13
    own = 2.0 ** np.arange(13)
    every = centred @ (own - own.mean()) / np.sqrt((centred**2).sum(axis=1) * ((own - own.mean()) ** 2).sum())
    found = 0
    for way in ways[::20]:
        r = numbers_of(way, [], pairs=True)[-1]
        found += r is not None and int((np.abs(every - r) <= 10.0**-figures.DIGITS * max(abs(r), 0.1)).sum()) == 1
    return found


def test_values_hold_more_than_numbers_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the declared range, a column of two values holds a bit a row."""
    assert values_fixed() == 0
    monkeypatch.setattr(figures, "least_held", lambda *_: 0)
    assert values_fixed() > 0


def values_counted() -> int:
    """Of all cells of five persons, how many show a mean and a variance that no other numbers of persons have with the
    same few values, so that one value's few persons are counted."""
    strangers = list(range(10**6, 10**6 + 1024))
    cells = list(itertools.combinations_with_replacement((1, 40, 700, 9000), 5))
    seen = [tuple(numbers_of(cell, strangers)) for cell in cells]
    return sum(None not in one and seen.count(one) == 1 for one in seen)


def test_numbers_are_fewer_than_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue: exact sums are equations."""
    assert values_counted() == 0
    monkeypatch.setattr(figures, "least_rows", lambda *_: 0)
    assert values_counted() > 0


# -- several agencies' rows


def steps_at_nobody(agencies: int) -> int:
    """Of all registers of three agencies' rows, and one person more at one of them, how many differ in null though no
    number of rows has stepped from `min_count` less one to `min_count`."""
    rules, found = Disclosure(min_count=LEAST, contributors=agencies), 0
    for own in itertools.product(range(MOST_PERSONS), repeat=3):
        for place in range(3):
            more = [count + (place == other) for other, count in enumerate(own)]
            one, two = (
                disclosure.released([sum(rows)], rules, 1, {name: [n] for name, n in zip("abc", rows, strict=True)})
                for rows in (own, more)
            )
            stepped = own[place] == LEAST - 1 or sum(own) == LEAST - 1
            found += (one[0] == [disclosure.SENTINEL]) != (two[0] == [disclosure.SENTINEL]) and not stepped
    return found


def test_null_does_not_step_at_one_row_of_an_agency(monkeypatch: pytest.MonkeyPatch) -> None:
    assert steps_at_nobody(3) == 0
    monkeypatch.setattr(disclosure, "enough_agencies", lambda counts, least, _: sum(c > 0 for c in counts) >= least)
    assert steps_at_nobody(3) > 0


# -- what is shown of a column beside what isn't


def narrowed(most: int = 13) -> int:
    """Of all columns of up to so many rows, at either end of the range, between or without a value, and of as many
    keys, how many show numbers beside which a hidden one can't be each number of fewer than `min_count`."""
    of_ends = [(sum(some), *some[:3], 0) for some in itertools.product(range(most + 1), repeat=4) if sum(some) <= most]
    of_keys = [
        (rows, missing, 0, 0, different)
        for rows, missing in itertools.product(range(most + 1), repeat=2)
        for different in range(rows - missing + 1)
    ]
    found = 0
    for columns, hidden in ((of_ends, (1, 2, 3)), (of_keys, (1,))):
        numbers = [number for column in columns for number in column]
        opened = clear([numbers], [len(numbers)], Disclosure(min_count=LEAST), columns=True).tables["count"]
        alike: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for place, column in enumerate(columns):
            alike.setdefault(tuple(opened[5 * place : 5 * place + 5]), []).append(column)
        for (rows, *_), some in alike.items():
            values = [{column[place] for column in some} for place in hidden]
            found += rows != disclosure.SENTINEL and any(min(v) < LEAST and not {*range(LEAST)} <= v for v in values)
    return found


def test_a_hidden_number_of_a_column_may_be_any_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for who knows that a number is shown only if it leaves enough: of 7 rows with 3 at an end, 3 lie between."""
    assert narrowed() == 0
    monkeypatch.setattr(gates, "of_columns", before.by_what_is_left)
    assert narrowed() > 0


# -- one active party


def accepted() -> Iterator[tuple[int, ...]]:
    """Of all orders of four rows and all places of two, in five, those that their receiver takes."""
    for roles, size in ((Roles(0, 1, 2, 4, 4, 1), 4), (Roles(0, 1, 2, 5, 2, 1), 2)):
        for places in itertools.product(range(roles.rows), repeat=size):
            try:
                yield tuple(permute._distinct(np.array(places), roles, 1).tolist())
            except WireError:
                continue


def test_of_all_orders_only_those_without_repetition_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue: a matcher that maps all rows to one opens that person's value."""
    assert [len(set(places)) == len(places) for places in accepted()] == [True] * (24 + 20)
    monkeypatch.setattr(permute, "_are_distinct", lambda *_: True)
    assert sum(len(set(places)) < len(places) for places in accepted()) > 0


# -- what adds up over jobs: a matcher's numbers, refusals


def learned_by_a_matcher() -> Fraction:
    """What six new questions, each of which a standing policy may let through, tell a matcher of one person in all."""
    proposal, learned = next(proposals()), Fraction(0)
    people = POLICY["datasets"]["people"] | {"matcher_epsilon": "3"}
    policy = validate(toyworld.POLICY | {"datasets": {"people": people}}, Policy, "policy")
    protocol, balance = registry.find("linked-count"), Balance("people", "person", "epsilon", Fraction(9), Fraction(0))
    for _ in range(6):
        view = View(balance=balance, matched={"statistics": learned})
        known = {"policy": policy, "protocol": protocol, "ledger": view}
        verdicts = [
            decide(proposal, Facts(**{**vars(facts(me)), **known, "declaration": validate(one, Declaration, "d")}))
            for me, one in DECLARED.items()
        ]
        if all(isinstance(verdict, Permit) for verdict in verdicts):
            counted = matcher_limits.asked(proposal, protocol.manifest, "tax")["statistics"]
            learned += sum(Fraction(str(epsilon)) for epsilon in counted.values())
    return learned


def test_what_a_matcher_learns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue: the matcher's counts add up."""
    assert 0 < learned_by_a_matcher() <= 3
    monkeypatch.setattr(matcher_limits, "beyond", lambda *_: iter(()))
    assert learned_by_a_matcher() > 3


def ended_unseen() -> int:
    """Of six jobs within a day that the data end, one after the other, how many nobody was asked about."""
    job, found = next(toyworld.grammar()), 0
    for _ in range(6):
        here = Facts(**{**vars(facts("tax")), "protocol": registry.find("joint-count"), "ledger": View(refused=found)})
        verdict = decide(job.proposal, here)
        found += isinstance(verdict, Permit) and verdict.approve == "standing"
    return found


def test_after_three_refusals_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue: whatever refusal still depends on data is charged."""
    assert ended_unseen() == 3
    monkeypatch.setattr(View, "asks", False)
    assert ended_unseen() == 6


# -- whose rows a job may choose, and how many one person has


def by_filters(*filters: str) -> list[Asked]:
    """Counts of tax's rows by each of some filters, that let by themselves or not."""
    found = []
    for text in filters:
        job = {
            "protocol": "joint-count",
            "parties": {"tax": {"dataset": "people", "where": text}, "welfare": {}, "statistics": {}},
            "params": {"by": ["sex"]},
            "disclosure": {"min_count": LEAST},
        }
        rows = [
            [int(row is not None and row[0] == sex and holds(text, row)) for row, _ in toyworld.KINDS] for sex in "FM"
        ]
        found.append(Asked.of(text, job, rows))
    return [one for one in found if permits(one, ())]


def holds(text: str, row: tuple[str, str]) -> bool:
    parts = [part.strip().split(" = ") for part in text.split(" or ")]
    return any(row[("sex", "pay").index(column)] == value.strip("'") for column, value in parts)


PADDED = ("pay = '1' or pay = '0'", "sex = 'F' or pay = '1'", "pay = '1' or sex = 'M'")


def test_known_persons_are_no_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attacker knows how many women earn 0: with any who earn 1 they are shown, and the rest is these alone."""
    known = np.array(
        [[int(row == ("F", "0") and on == welfare) for row, on in toyworld.KINDS] for welfare in (False, True)]
    )
    assert by_filters(*PADDED) == []
    monkeypatch.setattr(asking, "unnamed", lambda *_: iter(()))
    broken = [small_counts_fixed([one], registers(), known).any() for one in by_filters(*PADDED)]
    assert len(broken) == len(PADDED)
    assert any(broken)


def few_persons_in_a_cell() -> int:
    """Of all registers in which a person has a row for each of two months, how many show a cell of fewer persons than
    may be told, by a job with any `min_count` that the policy lets through."""
    policy = validate(toyworld.facts("welfare").policy.model_dump(mode="json"), Policy, "policy")
    allowed, manifest = policy.datasets["people"], registry.find("joint-count").manifest
    least = min(
        k for k in range(LEAST, 9) if not [*protections.floor_faults(Disclosure(min_count=k), manifest, allowed)]
    )
    persons = toychanges.registers(toychanges.OF_MONTHS)
    both = np.array([sum(bool(month) for month in kind) for kind in toychanges.OF_MONTHS])
    return int(((persons @ both >= least) & (persons.sum(axis=1) < LEAST)).sum())


def test_a_cell_holds_enough_persons_and_not_only_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert few_persons_in_a_cell() == 0
    monkeypatch.setattr(protections, "_rows_faults", lambda *_: iter(()))
    assert few_persons_in_a_cell() > 0
