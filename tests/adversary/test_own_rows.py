"""A receiver that brings rows takes its own out of what it gets: what is left is never about fewer than min_count.

The attack: in each cell the attacker has just so many rows that few of the others make it reach min_count.
The released number less its own is that person's. Taken out are `gates.of_rows` and, in the references,
`disclosure.enough_rows`: with `counts >= least` in place of either, persons are found here.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from mpcgov import disclosure
from mpcgov.node.differencing import Side, compare
from mpcgov.spec.job import Disclosure
from mpcgov.trial.simulation import simulate
from tests.core.attacker import Case, Release, widths
from tests.linked import agencies
from tests.node.test_differencing import released
from tests.worker.clearing import clear

LEAST, CELLS = 5, [f"c{i}" for i in range(40)]


def register(rng: random.Random) -> list[list[int]]:
    """By agency, its rows in each cell: the first one has just so many that few of the others' are enough."""
    others = [[rng.choice([0, 0, 1, 2, 4, LEAST, 9]) for _ in CELLS] for _ in range(2)]
    own = [max(0, LEAST - rng.choice([0, sum(rest), 1])) for rest in zip(*others, strict=True)]
    return [own, *others]


def left(counts: list[int], own: list[int]) -> list[int]:
    """What the attacker finds of the others in the cells that it is shown."""
    return [count - mine for count, mine in zip(counts, own, strict=True) if count != disclosure.SENTINEL]


@pytest.mark.parametrize("rules", [{}, {"contributors": 3}], ids=str)
def test_no_count_is_left_of_fewer_than_min_count(rules: dict[str, Any]) -> None:
    rng, found, tried = random.Random(1), 0, 0
    for _ in range(25):
        cells = register(rng)
        tried += sum(sum(rest) < LEAST for rest in zip(*cells[1:], strict=True))
        counts = clear(cells, (4, 10), Disclosure(min_count=LEAST, **rules), receivers="a").tables["count"]
        found += sum(rest < LEAST for rest in left(counts, cells[0]))
    assert tried > 300
    assert found == 0


def test_every_receiver_with_rows_counts_and_no_other_does() -> None:
    cells = [[10, 1, 0, 9, 5], [1, 10, 0, 5, 5], [0, 0, 9, 5, 0]]
    rules = Disclosure(min_count=10)

    def seen(receivers: str) -> list[bool]:
        counts = clear(cells, (1, 5), rules, receivers=receivers).tables["count"]
        return [count != disclosure.SENTINEL for count in counts]

    shown = {receivers: seen(receivers) for receivers in ("", "a", "b", "ab", "c")}
    assert shown[""] == [True, True, False, True, True]
    assert shown["a"] == [False, True, False, True, False]
    assert shown["b"] == [True, False, False, True, False]
    assert shown["ab"] == [False, False, False, True, False]
    assert shown["c"] == [True, True, False, True, True]


def test_true_totals_leave_as_much_room_for_the_others_rows() -> None:
    """The table of the others alone, with its totals: each hidden cell may be anything of min_count and more values."""
    rng, cases = random.Random(2), []
    for _ in range(150):
        cells = [[rng.choice([0, 1, 4, LEAST, 8, 30]) for _ in range(16)] for _ in range(3)]
        counts = [sum(cell) for cell in zip(*cells, strict=True)]
        rules = Disclosure(min_count=LEAST, margins=True)
        tables = disclosure.released(counts, rules, 4, dict(zip("abc", cells, strict=True)), "a")
        rows = [cells[0][start : start + 4] for start in range(0, 16, 4)]
        mine = [cells[0], [*map(sum, rows)], [*map(sum, zip(*rows, strict=True))], [sum(cells[0])]]
        rest = [
            [one if one == disclosure.SENTINEL else one - known for one, known in zip(table, known_table, strict=True)]
            for table, known_table in zip(tables, mine, strict=True)
        ]
        if tables[-1] != [disclosure.SENTINEL]:
            cases.append(Case([Release((4, 4), rest)], 10_000))
    assert len(cases) > 20
    assert min(width for hidden in widths(cases) for width in hidden) >= LEAST


def stacked(seed: int) -> tuple[dict[str, Any], list[list[int]]]:
    """A vector of joint-statistics with the attacker's agency as receiver, and by agency the rows in each cell."""
    rng = random.Random(seed)
    cells = register(rng)
    columns = {"cell": {"kind": "category", "values": CELLS}, "wage": {"kind": "integer", "min": 0, "max": 10**6}}
    names = ("attacker", "labour", "welfare")
    rows = {
        name: [[cell, str(rng.randint(0, 10**6))] for cell, count in zip(CELLS, own, strict=True) for _ in range(count)]
        for name, own in zip(names, cells, strict=True)
    }
    return {
        "what": "a test",
        "declared": dict.fromkeys(names, columns),
        "keys": None,
        "tables": {name: {"columns": ["cell", "wage"], "rows": own} for name, own in rows.items()},
        "params": {"by": ["cell"], "measures": ["wage"]},
        "rules": {"min_count": LEAST, "round_to": None, "receivers": ["attacker"]},
    }, cells


def test_no_wage_is_left_in_a_whole_job_over_sums(tmp_path: Path) -> None:
    """A cell with one other row would give that person's wage: n times the mean, less the attacker's own."""
    vector, cells = stacked(3)
    result = simulate(agencies.write(tmp_path, "joint-statistics", vector), tmp_path / "agencies")
    counts = [disclosure.SENTINEL if row[1] is None else row[1] for row in result["tables"]["statistics"]["rows"]]
    rests = [sum(rest) for rest in zip(*cells[1:], strict=True)]
    assert sum(rest in (1, 2) for rest in rests) > 5
    assert [rest for rest in left(counts, cells[0]) if rest < LEAST] == []
    assert [count != disclosure.SENTINEL for count in counts] == [rest >= LEAST for rest in rests]
    assert any(
        "fewer than 5 rows when those of attacker are taken out" in line for line in result["protection"]["done"]
    )
    assert any("5 or more of the others' are left" in line for line in result["protection"]["caveats"])


def test_what_one_receiving_agency_is_shown_is_not_taken_for_what_another_is() -> None:
    """Other cells are hidden, and with true totals others beside them: a person must weigh the two tables together."""
    first = released(receivers=["coordinator"])
    assert compare(released(receivers=["c"]), first, "a", persons_apart=False) is Side.SAME_CELLS
    for receivers in (["a"], ["a", "b"], ["coordinator", "b"]):
        assert compare(released(receivers=receivers), first, "a", persons_apart=False) is Side.RELATED
        turned = released(receivers=receivers[::-1])
        assert compare(released(receivers=receivers), turned, "a", persons_apart=False) is Side.SAME_CELLS
