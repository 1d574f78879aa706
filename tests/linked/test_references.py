"""The linked protocols' references: against a plain join written another way, and against what an attacker could do."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov import disclosure, figures, registry
from tests import nightly

NO_MATCH = "(no match)"
LEVELS, REGIONS = ["ba", "ma", "phd"], ["North", "South"]
WIDE = {"kind": "integer", "min": -(10**9), "max": 10**9}
"""So declared, a column's bits are enough wherever its rows are."""
NUMBERS = ("tax.w", "edu.age", "edu.height", "wel.benefit")
DOMAINS: dict[str, Any] = {"edu.level": LEVELS, "tax.region": REGIONS, "wel.kind": ["x", "y"]}
DOMAINS |= dict.fromkeys(NUMBERS, WIDE) | {"tax.income": {"kind": "decimal", "min": "0", "max": "9999999", "places": 2}}
Owners = dict[str, dict[tuple[str, ...], dict[str, str]]]


def reference(name: str) -> ModuleType:
    module = ModuleType(name)
    text = (registry.folders()[0] / name / "reference.py").read_text(encoding="utf-8")
    exec(text, module.__dict__)
    return module


OVERLAP, COUNT, STATISTICS, REGRESSION = (
    reference(name) for name in ("overlap", "linked-count", "linked-statistics", "linked-regression")
)


def registers(seed: int, people: int, share: float, names: tuple[str, ...] = ("tax", "edu", "wel")) -> Owners:
    """Each person in each register with probability `share`, with columns that go together a little."""
    rng = random.Random(seed)
    owners: Owners = {name: {} for name in names}
    for person in range(people):
        talent = rng.random()
        rows = {
            "tax": {
                "region": rng.choice(REGIONS),
                "income": f"{1000 * talent + rng.random():.2f}",
                "w": str(rng.randint(0, 3)),
            },
            "edu": {"level": LEVELS[min(2, int(talent * 4))], "age": str(rng.randint(20, 90))},
            "wel": {"kind": rng.choice("xy"), "benefit": str(rng.randint(-5, 50))},
        }
        for name in names:
            if rng.random() < share:
                owners[name][str(person),] = rows.get(name, {})
    return {name: dict(rng.sample(list(rows.items()), len(rows))) for name, rows in owners.items()}


CASES = [(seed, people, share) for seed in range(4) for people in (0, 30, 400) for share in (0.0, 0.5, 1.0)]


# -- overlap


@pytest.mark.by_day(30)
@pytest.mark.parametrize(("seed", "people", "share"), CASES)
@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_overlaps_are_intersections(seed: int, people: int, share: float, count: int) -> None:
    names = ("tax", "edu", "wel", "o4", "o5")[:count]
    owners = registers(seed, people, share, names)
    rows = OVERLAP.run(owners, {}, {}, {"min_count": 3, "round_to": None})["overlap"]
    sets = {name: {key[0] for key in rows} for name, rows in owners.items()}
    assert [row[0] for row in rows][-1] == "+".join(names)
    for label, shown in rows:
        inside = label.split("+")
        common = set.intersection(*(sets[name] for name in inside))
        exactly = common - set().union(*(sets[name] for name in names if name not in inside), set())
        enough = len(common) >= 3 * (1 + count - len(inside)) and (count == 2 or len(exactly) >= 3)
        assert shown == (len(common) if enough else None)


def bare(count: int) -> dict[tuple[str, ...], dict[str, str]]:
    return {(str(i),): {} for i in range(count)}


def test_a_small_exact_set_is_not_to_be_had_by_subtraction() -> None:
    """20 keys in a and b, 18 of them in c too: their difference would tell of 2 persons."""
    owners = {"a": bare(20), "b": bare(20), "c": bare(18)}
    rows = dict(OVERLAP.run(owners, {}, {}, {"min_count": 10, "round_to": None})["overlap"])
    assert rows == {"a+b": None, "a+c": None, "b+c": None, "a+b+c": 18}


def test_a_hidden_overlap_of_three_may_be_any_of_few() -> None:
    """Whatever is shown of pairs: of three keys in both, three must be in no third, so that none would be in all."""
    least, alike = 3, dict[tuple[Any, ...], list[tuple[int, ...]]]()
    for exactly in itertools.product(range(9), repeat=4):
        pairs = [one + exactly[3] for one in exactly[:3]]
        shown = [n if min(one, n // 2) >= least else None for one, n in zip(exactly, pairs, strict=False)]
        alike.setdefault((*shown, exactly[3] if exactly[3] >= least else None), []).append(exactly)
    for shown, some in alike.items():
        for place in range(4) if all(n is None or n < 9 for n in shown) else ():
            values = {one[place] for one in some}
            assert min(values) >= least or {*range(least)} <= values, shown
    some = {"a": bare(3), "b": bare(3), "c": {("other",): {}}}
    assert OVERLAP.run(some, {}, {}, {"min_count": 3, "round_to": None})["overlap"][0] == ["a+b", None]


def test_overlaps_are_rounded_after_they_are_suppressed() -> None:
    for count, shown in ((9, None), (10, 10), (13, 15)):
        assert OVERLAP.run({"a": bare(count), "b": bare(count)}, {}, {}, {"min_count": 10, "round_to": 5})[
            "overlap"
        ] == [["a+b", shown]]


# -- counts


def joined(owners: Owners, join: str) -> list[dict[str, Any]]:
    """The join by sorted arrays: one record for each row, with `party.column` where there is a match."""
    arrays = {name: np.array(sorted(key[0] for key in rows), dtype=str) for name, rows in owners.items()}
    names = list(owners)
    keep = arrays[names[0]]
    for name in names[1:] if join == "inner" else ():
        keep = np.intersect1d(keep, arrays[name])
    records = []
    for key in keep.tolist():
        record: dict[str, Any] = {}
        for name in names:
            if key in arrays[name]:
                record[name] = True
                record |= {f"{name}.{column}": value for column, value in owners[name][key,].items()}
        records.append(record)
    return records


def rules(join: str, min_count: int = 3, round_to: int | None = None) -> dict[str, Any]:
    return {"join": join, "min_count": min_count, "round_to": round_to}


@pytest.mark.by_day(24)
@pytest.mark.parametrize(("seed", "people", "share"), CASES)
@pytest.mark.parametrize("by", [[], ["edu.level"], ["wel.kind", "tax.region", "edu.level"]])
def test_inner_counts_are_those_of_a_plain_join(seed: int, people: int, share: float, by: list[str]) -> None:
    owners = registers(seed, people, share)
    found = COUNT.run(owners, DOMAINS, {"by": by}, rules("inner", 3, 5))["count"]
    records = joined(owners, "inner")
    counts = [sum(all(r[c] == v for c, v in zip(by, row[:-1], strict=True)) for r in records) for row in found]
    assert [row[:-1] for row in found] == [list(cell) for cell in itertools.product(*(DOMAINS[c] for c in by))]
    shown = [disclosure.SENTINEL if row[-1] is None else row[-1] for row in found]
    assert shown == disclosure.cleared(counts, 3, 5)


LEFT_BY = [
    ["edu.level"],
    ["tax.region", "edu.level"],
    ["edu.level", "wel.kind"],
    ["wel.kind", "tax.region", "edu.level"],
]


def possible(by: list[str], cell: tuple[str, ...]) -> bool:
    """Each owner has a match, with a value of every column, or none."""
    lacks = [
        {value == NO_MATCH for column, value in zip(by, cell, strict=True) if column.startswith(owner)}
        for owner in ("edu", "wel")
    ]
    return all(len(some) < 2 for some in lacks)


def true_counts(owners: Owners, by: list[str]) -> dict[tuple[str, ...], int]:
    found = COUNT.run(owners, DOMAINS, {"by": by}, rules("left", 0))["count"]
    return {tuple(row[:-1]): row[-1] for row in found}


@pytest.mark.parametrize("by", LEFT_BY)
def test_left_counts_are_those_of_a_plain_join_before_suppression(by: list[str]) -> None:
    owners = registers(1, 300, 0.6)
    records = joined(owners, "left")
    counts = true_counts(owners, by)
    assert sum(counts.values()) == len(owners["tax"])
    for cell, count in counts.items():
        assert count == sum(all(r.get(c, NO_MATCH) == v for c, v in zip(by, cell, strict=True)) for r in records)


@settings(max_examples=nightly.count(60, 150))
@given(st.integers(0, 10**6), st.integers(0, 120), st.floats(0, 1), st.sampled_from(LEFT_BY), st.integers(3, 12))
def test_what_a_left_owner_can_work_out_holds_enough_persons(
    seed: int, people: int, share: float, by: list[str], least: int
) -> None:
    """It knows each of its groups' sizes: what is hidden of a group is nobody, or at least min_count persons."""
    owners = registers(seed, people, share)
    counts = true_counts(owners, by)
    shown = {tuple(row[:-1]): row[-1] for row in COUNT.run(owners, DOMAINS, {"by": by}, rules("left", least))["count"]}
    place = by.index("tax.region") if "tax.region" in by else None
    for group in REGIONS if place is not None else [None]:
        cells = [cell for cell in counts if group is None or cell[place] == group]
        hidden = [cell for cell in cells if shown[cell] is None]
        rest = sum(counts[cell] for cell in hidden)
        assert rest == 0 or rest >= least or len(hidden) == len(cells)
        if any(possible(by, cell) for cell in hidden):
            assert all(cell in hidden for cell in cells if NO_MATCH in cell)
    assert all(shown[cell] in (None, count) for cell, count in counts.items())
    assert all(count >= least for count in shown.values() if count is not None)


@pytest.mark.parametrize("known", ["nobody", "matched"])
@pytest.mark.parametrize("protocol", [COUNT, STATISTICS])
def test_a_left_owner_with_a_group_for_one_person_learns_of_no_match(protocol: Any, known: str) -> None:
    """One target beside ten keys that nobody has, or beside ten persons whom the other owner has, as is known."""
    tax = {("target",): {"region": REGIONS[0]}} | {(f"{i}",): {"region": REGIONS[0]} for i in range(10)}
    others: Owners = {(f"{i}",): {"level": LEVELS[0]} for i in range(10 if known == "matched" else 0)}
    by = {"by": ["tax.region", "edu.level"]}
    owners = [{"tax": tax, "edu": others | more} for more in ({}, {("target",): {"level": LEVELS[0]}})]
    tables = [next(iter(protocol.run(each, DOMAINS, by, rules("left", 10)).values())) for each in owners]
    assert tables[0] == tables[1]
    assert [row[:3] for row in tables[0] if row[2] is not None] == []


def test_a_cell_that_no_row_can_be_in_hides_no_other() -> None:
    """A match at one owner either has all of its columns or none."""
    tax = {(f"{i}",): {} for i in range(40)}
    edu = {(f"{i}",): {"level": level, "kind": kind} for i, (level, kind) in enumerate(
        [(level, kind) for level in "ab" for kind in "xy"] * 5)}  # fmt: skip
    domains = {"edu.level": ["a", "b"], "edu.kind": ["x", "y"]}
    rows = COUNT.run({"tax": tax, "edu": edu}, domains, {"by": list(domains)}, rules("left", 5))["count"]
    assert [row[-1] for row in rows] == [5, 5, None, 5, 5, None, None, None, 20]


def test_counts_of_a_left_join_that_need_no_hiding_are_all_shown() -> None:
    owners = registers(3, 2000, 0.7)
    assert None not in [row[-1] for row in COUNT.run(owners, DOMAINS, {"by": LEFT_BY[1]}, rules("left"))["count"]]


# -- statistics


def close(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=6e-4, abs_tol=1e-9)  # half a unit of the last of four digits


def bits(records: list[dict[str, Any]], column: str, own: list[dict[str, str]]) -> float:
    """What the records' values hold, by how many of their owner's rows have each."""
    values = [row[column.partition(".")[2]] for row in own]
    return sum(math.log2(len(values) / values.count(record[column])) for record in records)


@pytest.mark.by_day(20)
@pytest.mark.parametrize("weight", [None, "tax.w"])
@pytest.mark.parametrize(("seed", "people", "share"), CASES)
def test_inner_statistics_are_those_of_numpy(seed: int, people: int, share: float, weight: str | None) -> None:
    owners = registers(seed, people, share)
    pair = ["tax.income", "edu.age"]
    params = {"by": ["edu.level"], "measures": pair, "correlations": [pair]} | ({"weight": weight} if weight else {})
    found = STATISTICS.run(owners, DOMAINS, params, rules("inner"))
    for level, row, (_, _, _, r) in zip(LEVELS, found["statistics"], found["correlation"], strict=True):
        records = [record for record in joined(owners, "inner") if record["edu.level"] == level]
        if len(records) < 3:
            assert row == [level, None, None, None, None, None]
            assert r is None
            continue
        of_level = [row for row in owners["edu"].values() if row["level"] == level]
        own = {"tax.income": list(owners["tax"].values()), "edu.age": of_level}
        own |= {weight: own["tax.income"]} if weight else {}
        held = {column: bits(records, column, rows) for column, rows in own.items()}
        needed = 24 * (6 if weight else 3)  # totals, spreads and the pair's, and the weights'
        if len(records) < figures.SPARE_ROWS + needed // 24:
            assert row == [level, len(records), None, None, None, None]
            assert r is None
            continue
        for column, mean in zip(pair, (row[2], row[4]), strict=True):
            least = min(held[column], held.get(weight or column, 0.0))
            assert (mean is not None) <= (least >= needed)
            assert (mean is not None) >= (least >= needed + len(records))  # rounded down; rows of weight 0 have none
        if None in row:
            assert r is None
            continue
        x, y = (np.array([float(record[name]) for record in records]) for name in pair)
        w = np.array([float(record[weight]) if weight else 1.0 for record in records])
        means = [np.average(values, weights=w) for values in (x, y)]
        spreads = [
            np.average((v - m) ** 2, weights=w) * len(w) / (len(w) - 1) for v, m in zip((x, y), means, strict=True)
        ]
        assert row[:2] == [level, len(records)]
        assert all(map(close, row[2:], [means[0], spreads[0], means[1], spreads[1]]))
        matrix = np.cov(x, y, aweights=w)
        few = r is None and sum(w > 0) < 40  # thirds of so few may leave fewer than three outside
        assert few or close(r, matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1]))


def test_a_constant_has_no_correlation_and_no_weight_no_mean() -> None:
    owners = registers(1, 50, 1.0)
    for row in owners["tax"].values():
        row["w"] = "0"
    params = {"measures": ["edu.age"], "correlations": [["edu.age", "tax.w"]]}
    found = STATISTICS.run(owners, DOMAINS, params, rules("inner"))
    assert found["correlation"][0][-1] is None
    weighted = STATISTICS.run(owners, DOMAINS, {"measures": ["edu.age"], "weight": "tax.w"}, rules("inner"))
    assert weighted["statistics"] == [[50, None, None]]


def left_case(matched: int, unmatched: int, both: int = 0, more: int = 0, **params: Any) -> dict[str, list[list[Any]]]:
    """One group at tax: `matched` persons also at edu, `unmatched` not; the first `both` also at wel, and of those who
    aren't at edu `more`."""
    everyone = [(f"p{i}",) for i in range(matched + unmatched)]
    owners = {
        "tax": {key: {"income": str(i), "region": "North"} for i, key in enumerate(everyone)},
        "edu": {key: {"age": str(i * i), "height": str(i)} for i, key in enumerate(everyone[:matched])},
        "wel": {
            key: {"benefit": str(-(7 * i % 31))}
            for i, key in enumerate([*everyone[:both], *everyone[len(everyone) - more :]])
        },
    }
    return STATISTICS.run(owners, DOMAINS, params, rules("left", 10))


@pytest.mark.parametrize(
    ("matched", "unmatched", "shown"),
    [(20, 0, False), (20, 10, True), (20, 9, False), (20, 1, False), (15, 50, True), (14, 50, False)],
)
def test_in_a_left_join_sums_are_over_enough_rows_and_leave_out_enough(
    matched: int, unmatched: int, shown: bool
) -> None:
    ((count, mean, variance),) = left_case(matched, unmatched, measures=["edu.age"])["statistics"]
    assert count == matched + unmatched
    assert (mean is not None, variance is not None) == (shown, shown)
    if shown:
        assert close(mean, sum(i * i for i in range(matched)) / matched)


def test_two_sums_of_one_column_over_nearly_the_same_rows_are_not_both_opened() -> None:
    """60 persons at tax, 45 of them at edu, 44 of these at wel: one person's income would be the difference."""
    pairs = [["tax.income", "edu.age"], ["tax.income", "wel.benefit"]]
    found = left_case(45, 15, 44, correlations=pairs, measures=["tax.income", "edu.age", "wel.benefit"])
    assert [row[-1] for row in found["correlation"]] == [None, None]
    assert None not in found["statistics"][0]
    within = left_case(60, 20, 40, correlations=pairs)
    assert [row[-1] for row in within["correlation"]] == [None, None], "nobody is at wel alone, or few are"
    apart = left_case(60, 30, 40, 15, correlations=pairs)
    assert None not in [row[-1] for row in apart["correlation"]]
    alone = left_case(45, 15, 44, correlations=pairs[:1])
    assert alone["correlation"][0][-1] is not None


def test_a_pair_of_two_others_does_not_tell_of_one_that_only_one_has() -> None:
    found = left_case(45, 15, 44, correlations=[["edu.age", "wel.benefit"]], measures=["edu.age"])
    assert found["correlation"][0][-1] is None
    assert found["statistics"][0][-1] is not None


def test_sums_over_three_sets_of_rows_do_not_tell_of_the_few_in_none_or_all() -> None:
    """82 persons at tax, 40 of them at edu, 40 others at wel: all incomes less both sums would be those of two."""
    everyone = [(f"p{i}",) for i in range(82)]
    owners = {
        "tax": {key: {"income": str(i)} for i, key in enumerate(everyone)},
        "edu": {key: {"age": str(i)} for i, key in enumerate(everyone[:40])},
        "wel": {key: {"benefit": str(i % 9)} for i, key in enumerate(everyone[40:80])},
    }
    pairs = [["tax.income", "edu.age"], ["tax.income", "wel.benefit"]]
    both = STATISTICS.run(owners, DOMAINS, {"correlations": pairs, "measures": ["tax.income"]}, rules("left", 10))
    assert both["correlation"] == [[*pairs[0], None], [*pairs[1], None]]
    assert None not in both["statistics"][0]
    owners["edu"].update({key: {"age": str(i)} for i, key in enumerate(everyone[40:70])})
    assert STATISTICS.run(owners, DOMAINS, {"measures": ["edu.age"]}, rules("left", 10))["statistics"][0][1] is not None


def test_numbers_of_rows_do_not_differ_by_a_few_even_where_the_sums_are_of_other_columns() -> None:
    """45 persons have edu's column, 44 both edu's and wel's: one person would be known to lack wel's."""
    pairs, measures = [["edu.age", "wel.benefit"]], ["edu.height"]
    found = left_case(45, 15, 44, correlations=pairs, measures=measures)
    assert found["correlation"][0][-1] is None
    assert found["statistics"][0][-1] is not None
    assert left_case(45, 15, 33, correlations=pairs, measures=measures)["correlation"][0][-1] is not None


def test_weighted_sums_have_their_weights_in_common() -> None:
    found = left_case(25, 15, 24, measures=["edu.age", "wel.benefit"], weight="tax.income")
    assert found["statistics"][0][1:] == [None, None, None, None]
    assert None not in left_case(25, 15, 24, measures=["edu.age", "wel.benefit"])["statistics"][0]


# -- regression


def fit(owners: Owners, predictors: list[str], min_count: int = 3) -> dict[str, list[list[Any]]]:
    params = {"outcome": "tax.income", "predictors": predictors}
    return REGRESSION.run(owners, DOMAINS, params, rules("inner", min_count))


def design(records: list[Mapping[str, Any]], predictors: list[str]) -> np.ndarray:
    columns = [np.ones(len(records))]
    for name in predictors:
        values = [record[name] for record in records]
        levels = DOMAINS[name] if name == "edu.level" else None
        columns += [np.array(values, float)] if levels is None else [
            np.array([value == level for value in values], float) for level in levels[1:]
        ]  # fmt: skip
    return np.column_stack(columns)


@pytest.mark.by_day(2)
@pytest.mark.parametrize("seed", range(5))
def test_coefficients_are_those_of_least_squares(seed: int) -> None:
    owners, predictors = registers(seed, 900, 0.9), ["edu.age", "edu.level", "wel.benefit"]
    found = fit(owners, predictors)
    records = joined(owners, "inner")
    x, y = design(records, predictors), np.array([float(record["tax.income"]) for record in records])
    beta, residual, *_ = np.linalg.lstsq(x, y, rcond=None)
    errors = np.sqrt(residual[0] / (len(y) - x.shape[1]) * np.diag(np.linalg.inv(x.T @ x)))
    names = ["(intercept)", "edu.age", "edu.level=ma", "edu.level=phd", "wel.benefit"]
    assert [row[0] for row in found["coefficients"]] == names
    assert np.allclose([row[1] for row in found["coefficients"]], beta, rtol=1e-7)
    assert np.allclose([row[2] for row in found["coefficients"]], errors, rtol=1e-7)
    assert found["fit"][0][0] == len(y)
    assert math.isclose(found["fit"][0][1], 1 - residual[0] / ((y - y.mean()) ** 2).sum(), rel_tol=1e-7)


def test_a_model_without_enough_persons_levels_or_spread_is_not_released() -> None:
    owners = registers(1, 140, 1.0)
    nothing = {"coefficients": [["(intercept)", None, None], ["edu.age", None, None]], "fit": [[None, None]]}
    assert fit(registers(1, 127, 1.0), ["edu.age"]) == nothing
    assert fit(owners, ["edu.age"])["fit"][0][0] == 140
    assert fit(owners, ["edu.age"], min_count=75) == nothing
    few = registers(2, 600, 1.0)
    rare = [key for key, row in few["edu"].items() if row["level"] == "phd"]
    for key in rare[41:]:  # 2⁴·42 persons are more than 600, and 2³·56 less
        few["edu"][key]["level"] = "ba"
    assert fit(few, ["edu.level"])["fit"] == [[None, None]]
    for key in rare[41:56]:
        few["edu"][key]["level"] = "phd"
    assert fit(few, ["edu.level"])["fit"][0][0] == 600
    for row in owners["edu"].values():
        row["age"] = "40"
    assert fit(owners, ["edu.age"]) == nothing
    for row in few["tax"].values():
        row["income"] = "1"
    assert fit(few, ["edu.age"])["fit"] == [[None, None]]


def test_a_person_with_a_quarter_of_a_coefficient_or_a_column_with_few_values_off_one_gives_nothing() -> None:
    owners = registers(3, 400, 1.0)
    assert fit(owners, ["edu.age"])["fit"][0][0] == 400
    first = next(iter(owners["edu"]))
    owners["edu"][first]["age"] = "1000000"
    assert fit(owners, ["edu.age"])["fit"] == [[None, None]]
    for number, row in enumerate(owners["edu"].values()):
        row["age"] = str(int(number < 20))
    assert fit(owners, ["edu.age"])["fit"] == [[None, None]]  # 5·16·3/2 bits take 2^4·30 persons for sides of 30
    for number, row in enumerate(owners["edu"].values()):
        row["age"] = str(int(number < 60))
    assert fit(owners, ["edu.age"])["fit"][0][0] == 400
