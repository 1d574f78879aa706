"""Linked jobs up to what is opened, all parties in one process: what the references hide is hidden."""

from __future__ import annotations

import itertools
import random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mpcgov import disclosure, registry
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linked import layout, render, vectors
from mpcgov.mpc.word import sort
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.results.result import numbers_by_name
from mpcgov.spec.job import Disclosure
from mpcgov.spec.statement import Layout
from mpcgov.worker.clear import clear_linked
from tests import nightly
from tests.linkage.linked_parties import Case, opened_places, places
from tests.mpc.word.local import Party

LEVELS, REGIONS = ["ba", "ma", "phd"], ["North", "South"]
DECLARED: dict[str, dict[str, dict[str, Any]]] = {
    "tax": {
        "region": {"kind": "category", "values": REGIONS},
        "sex": {"kind": "category", "values": ["F", "M"]},
        "income": {"kind": "decimal", "min": "-10", "max": "2000", "places": 2},
        "w": {"kind": "integer", "min": 0, "max": 999_999},
    },
    "edu": {"level": {"kind": "category", "values": LEVELS}, "age": {"kind": "integer", "min": 0, "max": 99_999}},
    "wel": {
        "kind": {"kind": "category", "values": ["x", "y"]},
        "benefit": {"kind": "integer", "min": -5, "max": 99_999},
    },
}


def case(seed: int, protocol: str, params: dict[str, Any], people: int, owners: int, join: str, **more: Any) -> Case:
    rng = random.Random(seed)
    names = list(DECLARED)[:owners]
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in names}
    for person in range(people):
        for name in names:
            if rng.random() > rng.choice((0.6, 0.95)):
                continue
            row = {"key": f"p{person}"}
            for column, kind in DECLARED[name].items():
                if kind["kind"] == "category":
                    row[column] = rng.choice(kind["values"])
                elif kind["kind"] == "decimal":
                    row[column] = f"{rng.randint(-10, 1999)}.{rng.randint(0, 99):02}"
                else:
                    row[column] = str(rng.randint(kind["min"], kind["max"]))
            rows[name].append(row)
    return Case(protocol, {name: DECLARED[name] for name in names}, rows, params, join=join, **more)


def cleared(made: Case) -> tuple[dict[str, list[Any]], list[Party]]:
    """What would be opened, and the parties with all their messages."""
    linked = made.linked()
    folder = registry.find(made.protocol).folder
    program = ModuleType("program")
    exec((folder / "program.py").read_text(encoding="utf-8"), program.__dict__)

    async def run(rows: LinkedRows) -> Any:
        tables = clear_linked(linked, await program.run(rows, made.params))
        return await places({name: table.cells for name, table in tables.items()})

    results, parties = made.run(run)
    return opened_places(results, made.threshold), parties


def released(made: Case) -> dict[str, list[list[Any]]]:
    """The tables as a receiver reads them."""
    linked, (found, _) = made.linked(), cleared(made)
    tables = layout.tables(linked)
    values = [int(value) for table in tables for value in found[table.name][0]]
    names = numbers_by_name(Layout(modulus="7", degree=1, tables=tables), values)
    shown = {table.name: {one.name: names[f"{table.name}.{one.name}"] for one in table.opened} for table in tables}
    return {
        table.name: list(shown[table.name].values())
        if table.margin_of
        else render.rows(linked, table, shown[table.name])
        for table in tables
    }


def expected(made: Case, rules: dict[str, Any]) -> dict[str, list[list[Any]]]:
    module = ModuleType("reference")
    exec((registry.find(made.protocol).folder / "reference.py").read_text(encoding="utf-8"), module.__dict__)
    owners = {name: {(row["key"],): row for row in rows} for name, rows in made.rows.items()}
    domains = vectors.domains({"declared": made.declared})
    found: dict[str, list[list[Any]]] = module.run(owners, domains, made.params, rules)
    return found


def check(made: Case) -> int:
    """How many numbers are hidden; what is released is what the reference releases."""
    return checked(made)[0]


def checked(made: Case) -> tuple[int, dict[str, list[list[Any]]]]:
    """As `check`, and the released tables."""
    rules = {"join": made.join, "min_count": made.min_count, "round_to": made.round_to, "receivers": made.receivers}
    rules |= made.rules
    tables, found = expected(made, rules), released(made)
    assert vectors.differences(found, tables) == []
    return sum(value is None for rows in tables.values() for row in rows for value in row), found


@pytest.mark.parametrize(
    ("by", "least"),
    [(["edu.level"], 14), (["edu.level", "tax.region"], 7), (["wel.kind", "tax.region", "edu.level"], 3)],
)
def test_left_counts_hide_what_the_reference_hides(by: list[str], least: int) -> None:
    hidden = [
        check(case(seed, "linked-count", {"by": by}, 40 + 15 * seed, 3, "left", min_count=least)) for seed in range(8)
    ]
    assert max(hidden) > 0
    assert min(hidden) < max(hidden)


BY = [["edu.level", "tax.region"], ["edu.level"], ["wel.kind", "tax.region", "edu.level"], ["tax.region", "tax.sex"]]
RECEIVERS = [("edu",), ("tax",), ("wel", "edu", "coordinator"), ("tax", "edu", "wel")]


@pytest.mark.parametrize("join", ["inner", "left"])
def test_groups_of_owners_that_receive_are_closed_as_the_reference_says(join: str) -> None:
    more = 0
    for seed, (by, receivers) in enumerate(itertools.product(BY, RECEIVERS)):
        made = case(seed, "linked-count", {"by": by}, 40 + 8 * seed, 3, join, min_count=7, receivers=receivers)
        open_to_others = expected(made, {"join": join, "min_count": 7, "round_to": None})
        more += check(made) - sum(row[-1] is None for row in open_to_others["count"])
    assert more > 0


@pytest.mark.parametrize("receivers", [("tax", "edu"), ("edu", "tax", "wel")])
def test_so_are_groups_of_several_owners(receivers: tuple[str, ...]) -> None:
    """Some cells are shown beside hidden ones, and in other tables a group that is closed again is."""
    by, shown = ["edu.level", "tax.region", "tax.sex"], 0
    for seed in range(6):
        made = case(seed, "linked-count", {"by": by}, 110 + 30 * seed, 2, "inner", min_count=4, receivers=receivers[:2])
        shown += check(made) < 12
    assert shown > 1


@pytest.mark.parametrize("protocol", ["linked-statistics", "linked-t-test"])
def test_so_are_those_whose_means_are_asked_for(protocol: str) -> None:
    params = {"by": ["edu.level", "tax.region"], "measures": ["wel.benefit"]}
    made = [case(seed, protocol, params, 150, 3, "inner", min_count=12, receivers=("tax",)) for seed in range(3)]
    assert max(check(one) for one in made) > 0


@pytest.mark.parametrize("seed", nightly.first(2, range(4)))
def test_inner_counts_rounded(seed: int) -> None:
    made = case(seed, "linked-count", {"by": ["edu.level", "tax.region"]}, 60, 2, "inner", min_count=3, round_to=5)
    check(made)


@pytest.mark.by_day(4)
@pytest.mark.parametrize("join", ["inner", "left"])
@pytest.mark.parametrize("by", [["edu.level", "tax.region"], ["wel.kind", "edu.level"], ["tax.region", "tax.sex"]])
@pytest.mark.parametrize("seed", nightly.first(2, range(4)))
def test_true_totals_of_linked_counts_hide_what_the_plain_rules_hide(seed: int, by: list[str], join: str) -> None:
    made = case(seed, "linked-count", {"by": by}, 60 + 40 * seed, 3, join, min_count=4, rules={"margins": True})
    cells = [expected(made, {"join": join, "min_count": least, "round_to": None})["count"] for least in (4, 0)]
    shown, counts = [row[-1] is not None for row in cells[0]], [row[-1] for row in cells[1]]
    columns = len(made.linked().values(made.linked().asked.groups[1]))
    plain = disclosure.opened(counts, shown, Disclosure(min_count=4, margins=True), columns)
    found = released(made)
    assert list(found) == ["count", f"margins.{by[0]}", f"margins.{by[1]}", "margins"]
    values = [[row[-1] for row in found.pop("count")], *(table[0] for table in found.values())]
    assert [[disclosure.SENTINEL if value is None else value for value in table] for table in values] == plain


STATISTICS = [
    {"by": ["tax.region"], "measures": ["tax.income", "edu.age", "wel.benefit"]},
    {
        "by": ["edu.level"],
        "measures": ["edu.age"],
        "correlations": [["tax.income", "edu.age"], ["tax.income", "wel.benefit"]],
    },
    {"correlations": [["edu.age", "wel.benefit"], ["tax.income", "edu.age"]], "measures": ["wel.benefit"]},
    {"by": ["tax.region"], "measures": ["edu.age", "wel.benefit"], "weight": "tax.w"},
]


@pytest.mark.by_day(3)
@pytest.mark.parametrize("join", ["inner", "left"])
@pytest.mark.parametrize("params", STATISTICS, ids=range(4))
@pytest.mark.parametrize("seed", nightly.first(2, range(4)))
def test_statistics_hide_what_the_reference_hides(seed: int, params: dict[str, Any], join: str) -> None:
    method = ["matcher", "oblivious"][seed % 2]
    rules = {"digits": 1 + seed, "numbers": 6 + 3 * seed}
    people = 60 + 40 * seed
    check(case(seed, "linked-statistics", params, people, 3, join, min_count=3 + seed, method=method, rules=rules))


OF_RECEIVERS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"by": ["edu.level"], "measures": ["edu.age", "wel.benefit"]}, ("edu",)),
    (
        {
            "by": ["tax.region", "wel.kind"],
            "measures": ["tax.income"],
            "correlations": [["edu.age", "tax.income"], ["wel.benefit", "edu.age"]],
        },
        ("tax", "wel"),
    ),
]


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("number", "join", "seed", "parties"),
    nightly.first(
        4, [(0, "inner", 0, 3), (0, "left", 1, 3), (1, "left", 0, 3), (1, "inner", 1, 3), (0, "inner", 0, 4)]
    ),
)
def test_statistics_of_receivers_columns_are_in_steps_as_the_reference_says(
    number: int, join: str, seed: int, parties: int
) -> None:
    """Some with hardly any spread, so that one row may have most of it."""
    params, receivers = OF_RECEIVERS[number]
    more: dict[str, Any] = {"parties": parties, "receivers": receivers, "rules": {"numbers": 6 + 6 * seed}}
    made = case(seed, "linked-statistics", params, 200, 3, join, min_count=4, **more)
    for row in made.rows["edu"][1:]:
        row["age"] = str(int(row["age"]) % (300 if seed else 99_999))
    hidden, found = checked(made)
    shown = sum(value is not None for rows in found.values() for row in rows for value in row)
    assert shown > hidden * (1 - seed)


@pytest.mark.by_day(3)
@pytest.mark.parametrize("seed", nightly.first(6, range(12)))
def test_sums_over_nearly_the_same_rows_are_hidden_in_a_left_join(seed: int) -> None:
    """All but a few of tax's people are at edu, and all but a few of these at wel."""
    made = case(seed, "linked-statistics", STATISTICS[1] | {"by": []}, 60, 3, "left", min_count=5)
    everyone = [row["key"] for row in made.rows["tax"]]
    rng = random.Random(seed)
    for name, fewer in (("edu", rng.randint(0, 8)), ("wel", rng.randint(0, 8))):
        have = {row["key"]: row for row in made.rows[name]}
        spare = next(iter(have.values()))
        everyone = everyone[fewer:]
        made.rows[name] = [have.get(key, spare | {"key": key}) for key in everyone]
    check(made)


@pytest.mark.by_day(8)
@pytest.mark.parametrize("method", ["matcher", "oblivious"])
@pytest.mark.parametrize("owners", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_overlaps_hide_what_the_reference_hides(seed: int, owners: int, method: str) -> None:
    rules = {"min_count": 5, "round_to": [None, 5][seed % 2]}
    made = case(seed, "overlap", {}, 8 + 4 * seed, owners, "inner", method=method, **rules)
    check(made)


def test_sums_over_three_sets_of_rows_are_hidden_where_few_are_in_none() -> None:
    """42 at tax, 20 of them at edu, 20 others at wel: all incomes less both sums would be those of two."""
    pairs = [["tax.income", "edu.age"], ["tax.income", "wel.benefit"]]
    params = {"correlations": pairs, "measures": ["tax.income"]}
    made = case(1, "linked-statistics", params, 0, 3, "left")
    tax = {"region": "North", "w": "1"}
    made.rows["tax"] = [{"key": f"p{i}", "income": f"{i}.00"} | tax for i in range(42)]
    made.rows["edu"] = [{"key": f"p{i}", "level": "ba", "age": str(i)} for i in range(20)]
    made.rows["wel"] = [{"key": f"p{i}", "kind": "x", "benefit": str(i)} for i in range(20, 40)]
    assert check(made) == 2
    made.rows["tax"] += [{"key": f"p{i}", "income": f"{i}.00"} | tax for i in range(42, 62)]
    made.rows["edu"] += [{"key": f"p{i}", "level": "ba", "age": str(i)} for i in range(20, 30)]
    made.rows["wel"] += [{"key": f"p{i}", "kind": "x", "benefit": str(i)} for i in range(40, 50)]
    assert check(made) == 0
    made.rows["wel"] += [{"key": f"p{i}", "kind": "x", "benefit": str(i)} for i in (*range(20), *range(50, 62))]
    assert check(made) == 1, "all are at wel: as if all but a few were"


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("at_hea", "hidden"), [(28, True), (25, False), (30, True)])
def test_numbers_of_rows_that_lie_in_each_other_only_within_a_cell_are_hidden(at_hea: int, hidden: bool) -> None:
    """All with a level are at edu: so of 30 at edu and wel, 28 are at wel and hea, and two are not, or none."""
    number = {"kind": "integer", "min": 0, "max": 99}
    declared = DECLARED | {"wel": DECLARED["wel"] | {"children": number}, "hea": {"visits": number}}
    pairs = [["edu.age", "wel.benefit"], ["wel.children", "hea.visits"]]
    values = {
        "tax": {"region": "North", "sex": "F", "w": "1", "income": "1"},
        "edu": {"level": "ba"},
        "wel": {"kind": "x"},
        "hea": {},
    }
    rows = {
        name: [
            {"key": f"p{i}", "age": f"{i * i % 90}", "benefit": f"{i}", "children": f"{i}", "visits": f"{i}"} | own
            for i in range({"wel": 30, "hea": at_hea}.get(name, 40))
        ]
        for name, own in values.items()
    }
    for place, level in enumerate([*LEVELS[1:], None]):  # every other cell can be shown
        for person in range(5):
            rows["tax"].append(rows["tax"][person] | {"key": f"q{place}.{person}"})
            if level is not None:
                rows["edu"].append(rows["edu"][person] | {"key": f"q{place}.{person}", "level": level})
    params = {"by": ["edu.level"], "correlations": pairs}
    made = Case("linked-statistics", declared, rows, params, parties=4, join="left", min_count=5)
    _, found = checked(made)
    assert [row[-1] is None for row in found["correlation"][:2]] == [hidden, hidden]


SKEWED = [
    {"by": ["tax.region"], "measures": ["wel.benefit", "edu.age"]},
    {"by": ["edu.level", "wel.kind"], "measures": ["wel.benefit"]},
    {"measures": ["edu.age", "tax.w"]},
]


def dominated() -> list[Any]:
    """All combinations; always those in which any two values of two things meet once."""
    kinds = [(70, {}), (90, {"method": "oblivious"}), (80, {"parties": 4})]
    every = itertools.product(enumerate(kinds), enumerate(SKEWED), enumerate([1, 15, 100]))
    latin = sorted(every, key=lambda case: sum(number for number, _ in case) % 3)
    return nightly.first(9, [(*kind, params, percent) for (_, kind), (_, params), (_, percent) in latin])


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("people", "more", "params", "percent"), dominated())
def test_means_that_one_value_dominates_are_hidden_as_the_reference_hides_them(
    people: int, more: dict[str, Any], params: dict[str, Any], percent: int
) -> None:
    rules = {"dominance": percent}
    made = case(people, "linked-statistics", params, people, 3, "inner", min_count=3, rules=rules, **more)
    made.declared["wel"] = made.declared["wel"] | {"benefit": {"kind": "integer", "min": 0, "max": 5000}}
    for number, row in enumerate(made.rows["wel"]):
        row["benefit"] = str([5000, 3, 0, 40, 700][number % 5] if number % 3 else 0)
    check(made)


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("protocol", "params", "rules"),
    [
        ("linked-count", {"by": ["edu.level", "tax.region"]}, {}),
        ("linked-count", {"by": ["edu.level", "tax.region"]}, {"margins": True}),
        ("linked-statistics", STATISTICS[1], {}),
    ],
)
@pytest.mark.parametrize("join", ["inner", "left"])
def test_messages_are_the_same_in_number_and_length_whatever_is_suppressed(
    protocol: str, params: dict[str, Any], rules: dict[str, Any], join: str
) -> None:
    """The same persons match; those with a phd are few in both worlds, but not the same few."""
    sizes = []
    for few in (0, 4):
        made = case(5, protocol, params, 90, 3, join, min_count=6, rules=rules)
        for number, row in enumerate(made.rows["edu"]):
            row["level"] = "phd" if number < few else "ma" if number % 2 else "ba"
        found, parties = cleared(made)
        assert -1 in next(iter(found.values()))[0]
        sizes.append({label: len(message) for label, message in parties[0].network.messages.items()})
    assert sizes[0] == sizes[1]


@pytest.fixture
def same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the data, a sort's rows lie in the same order after its shuffle: n of them in one and the same of n!.

    For that they are opened here, which costs all worlds the same messages.
    """
    shuffle = sort.shuffle

    async def fixed(channel: Any, prss: Any, rows: np.ndarray, *more: Any) -> np.ndarray:
        shuffled = await shuffle(channel, prss, rows, *more)
        values = await open_to_all(channel, shuffled.reshape(-1), prss.threshold)
        ranked = np.lexsort(values.reshape(rows.shape).T[1::-1])
        return np.ascontiguousarray(shuffled[ranked[np.random.default_rng(len(rows)).permutation(len(rows))]])

    monkeypatch.setattr(sort, "shuffle", fixed)


@pytest.mark.by_day(2)
@pytest.mark.usefixtures("same_order")
@pytest.mark.parametrize("more", [{}, {"method": "oblivious"}, {"parties": 4}], ids=str)
def test_r21_messages_are_the_same_whatever_the_dominance_rule_suppresses(more: dict[str, Any]) -> None:
    """In both worlds the mean of (ma, x) is hidden, as one has nearly all, and (phd, x) and (phd, y), with four people.

    How these four divide, who dominates and by how much differs, and so do the values of all who are hidden.
    """
    params = {"by": ["edu.level", "wel.kind"], "measures": ["wel.benefit"]}
    worlds = []
    for few, most, rest in ((1, 5000, 1), (4, 3000, 7)):
        made = case(5, "linked-statistics", params, 0, 3, "inner", min_count=6, rules={"dominance": 10}, **more)
        made.declared["wel"] = made.declared["wel"] | {"benefit": {"kind": "integer", "min": 0, "max": 5000}}
        people = [("ba", "xy"[i % 2], 40 + i) for i in range(24)] + [("ma", "y", 40 + i) for i in range(12)]
        people += [("ma", "x", most if i == 3 else rest) for i in range(13)]
        people += [("phd", "xy"[i < few], most + i) for i in range(4)]
        made.rows = {
            "tax": [{"key": f"p{i}", "region": "North", "sex": "F", "income": "1.00", "w": "1"} for i in range(53)],
            "edu": [{"key": f"p{i}", "level": level, "age": "1"} for i, (level, _, _) in enumerate(people)],
            "wel": [{"key": f"p{i}", "kind": kind, "benefit": str(b)} for i, (_, kind, b) in enumerate(people)],
        }
        found, parties = cleared(made)
        worlds.append((found, {label: len(message) for label, message in parties[0].network.messages.items()}))
    (opened, sizes), (others, other_sizes) = worlds
    (table,) = layout.tables(made.linked())
    names = [one.name for one in table.opened]
    cells = dict(zip(names, np.reshape(opened["statistics"][0], (len(names), 6)).tolist(), strict=True))
    assert cells["count"] == [12, 12, 13, 12, -1, -1]
    assert [value == -1 for value in cells["wel.benefit.n"]] == [False, False, True, False, True, True]
    assert np.array_equal(opened["statistics"], others["statistics"])
    assert sizes == other_sizes
