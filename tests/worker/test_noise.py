"""Noise on its way from each party's draw to the released numbers: when it is drawn, and what looks at noisy counts."""

from __future__ import annotations

import ast
import asyncio
import inspect
import math
import random
import time
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpcgov import figures, registry
from mpcgov.errors import SpecError
from mpcgov.jobs import accuracy, check, noising
from mpcgov.jobs.accuracy import Accuracy
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linked import render, vectors
from mpcgov.linked.stacked import Stacked
from mpcgov.linked.taken import taken
from mpcgov.mpc import SecretArray, SessionConfig
from mpcgov.mpc import noise as shares
from mpcgov.results.result import numbers_by_name
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.statement import Layout
from mpcgov.spec.table import Declaration
from mpcgov.worker import noise, run, summed, sums, work
from mpcgov.worker.clear import clear_linked
from tests.linkage.linked_parties import Case, engine, opened_places, places
from tests.mpc.word.local import Party, make_parties
from tests.mpc.word.local import run as run_parties
from tests.worker.test_linked_clearing import case

LAPLACE = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person", "bound": 1}
GAUSSIAN = {"mechanism": "discrete-gaussian", "rho": "0.5", "unit": "person", "bound": 1}
PARAMS = {"by": ["tax.region"], "measures": ["tax.income", "edu.age"]}


def told(made: Case) -> tuple[Any, Any, Any, str]:
    """What `Noise` must know of a job."""
    linked = made.linked()
    job, declared = linked.job, linked.declarations
    parts = SimpleNamespace(job=job, declarations=declared, parties=tuple(made.names), threshold=made.threshold)
    return parts, linked.manifest, check.result_tables(job, linked.manifest, declared), made.names[0]


def noisy(made: Case) -> tuple[dict[str, list[list[Any]]], dict[str, list[list[Any]]]]:
    """The tables as a receiver reads them, and their intervals."""
    linked, folder = made.linked(), registry.find(made.protocol).folder
    tables = check.result_tables(linked.job, linked.manifest, linked.declarations)
    program = ModuleType("program")
    exec((folder / "program.py").read_text(encoding="utf-8"), program.__dict__)

    async def party(rows: LinkedRows) -> Any:
        own = noise.Noise(*told(made))
        await own.draw()
        engine = rows._engine
        session = SimpleNamespace(config=engine.config, input=lambda *args: SecretArray.deal(engine, *args))
        rows._noise = own.dealt(session)
        cleared = clear_linked(linked, await program.run(rows, made.params))
        return await places({name: table.cells for name, table in cleared.items()})

    found = opened_places(made.run(party)[0], made.threshold)
    values = [int(value) for table in tables for value in found[table.name][0]]
    names = numbers_by_name(Layout(modulus="7", degree=1, tables=tables), values)
    laws = noising.laws(linked.job, linked.manifest, linked.declarations, noising.names(tables))
    known = Accuracy(laws, made.parties - made.threshold)
    shown, around = {}, {}
    for table in tables:
        numbers = {one.name: names[f"{table.name}.{one.name}"] for one in table.opened}
        shown[table.name] = render.rows(linked, table, numbers)
        around[table.name] = list(accuracy.intervals(known, linked, table, numbers))
    return shown, around


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every share is nothing, so that what is released must be exact."""
    silence(monkeypatch)


def silence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shares, "share", lambda law, honest, count: np.zeros(count, np.int64))
    patch.setattr(noise, "SLOT_S", 1e-6)


def unrounded(made: Case, rules: dict[str, Any]) -> dict[str, list[list[Any]]]:
    """The reference's tables without what only jobs without noise have: numbers that are rounded, of enough rows."""
    module = ModuleType("reference")
    exec((registry.find(made.protocol).folder / "reference.py").read_text(encoding="utf-8"), module.__dict__)
    if made.protocol == "linked-statistics":
        module.__dict__["_of_enough"] = lambda *asked: True
    owners = {name: {(row["key"],): row for row in rows} for name, rows in made.rows.items()}
    domains = vectors.domains({"declared": made.declared})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "least_rows", lambda *asked: 0)
        for rounding in ("significant", "shown"):
            patch.setattr(figures, rounding, lambda value, *_: value)
        found: dict[str, list[list[Any]]] = module.run(owners, domains, made.params, rules)
    return found


@pytest.mark.by_day(4)
@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("rule", [LAPLACE, GAUSSIAN], ids=["laplace", "gaussian"])
@pytest.mark.parametrize("max_rows", [1000, 10**9], ids=["one word", "digits"])
@pytest.mark.parametrize("protocol", ["linked-count", "linked-statistics"])
def test_without_any_noise_drawn_the_numbers_are_those_of_the_reference(
    protocol: str, max_rows: int, rule: dict[str, Any]
) -> None:
    """Counted from the middle of their ranges, in one word and in several."""
    params = PARAMS if protocol == "linked-statistics" else {"by": PARAMS["by"]}
    made = case(3, protocol, params, 90, 2, "inner", max_rows=max_rows, noise=rule)
    exact = unrounded(made, {"join": "inner", "min_count": 10, "round_to": None})
    found, around = noisy(made)
    assert vectors.differences(found, exact, 1e-9) == []
    for name, rows in exact.items():
        for row, ends in zip(rows, around[name], strict=True):
            for value, end in zip(row[1:], ends, strict=True):
                assert (value is None and end is None) or end[0] <= value <= end[1]


@pytest.mark.usefixtures("silent")
def test_measures_are_clamped_before_they_are_added_up() -> None:
    made = case(4, "linked-statistics", PARAMS, 80, 2, "inner", noise=LAPLACE | {"clamp": {"edu.age": ["30", "60"]}})
    found, _ = noisy(made)
    for row in made.rows["edu"]:
        row["age"] = str(min(60, max(30, int(row["age"]))))
    exact = unrounded(made, {"join": "inner", "min_count": 10, "round_to": None})
    assert vectors.differences(found, exact, 1e-9) == []


@pytest.mark.by_day(2)
@pytest.mark.parametrize("join", ["inner", "left"])
@pytest.mark.parametrize("rule", [LAPLACE | {"epsilon": "10"}, GAUSSIAN | {"rho": "10"}], ids=["laplace", "gaussian"])
@pytest.mark.parametrize("max_rows", [1000, 10**9], ids=["one word", "digits"])
def test_noisy_numbers_are_near_the_exact_ones_and_their_intervals_cover_them(
    rule: dict[str, Any], join: str, max_rows: int
) -> None:
    covered = []
    for seed in range(3):
        made = case(seed, "linked-statistics", PARAMS, 400, 2, join, max_rows=max_rows, noise=rule)
        found, around = noisy(made)
        exact = unrounded(made, {"join": join, "min_count": 10, "round_to": None})
        assert vectors.differences(found, exact, 1e-9) != []
        for row, value, ends in zip(exact["statistics"], found["statistics"], around["statistics"], strict=True):
            assert abs(row[1] - value[1]) < 40
            pairs = zip(row[1:], ends, strict=True)
            covered += [end[0] <= number <= end[1] for number, end in pairs if number is not None and end is not None]
    assert len(covered) >= 15
    assert np.mean(covered) > 0.5


@pytest.mark.parametrize(("each", "shown"), [(0, [40, 12, None]), (4, [52, 24, 12]), (-4, [28, None, None])])
def test_r34_the_threshold_decides_on_the_noisy_count_whatever_the_exact_one_is(
    each: int, shown: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three parties deal `each`; one of the cells is empty."""
    monkeypatch.setattr(shares, "share", lambda law, honest, count: np.full(count, each))
    monkeypatch.setattr(noise, "SLOT_S", 1e-6)
    sizes = {"ba": 40, "ma": 12, "phd": 0}
    made = case(1, "linked-count", {"by": ["edu.level"]}, 0, 2, "inner", noise=LAPLACE)
    keys = [(f"{level}{i}", level) for level, size in sizes.items() for i in range(size)]
    made.rows["edu"] = [{"key": key, "level": level, "age": "1"} for key, level in keys]
    made.rows["tax"] = [{"key": key, "region": "North", "income": "1.00", "w": "1"} for key, _ in keys]
    found, _ = noisy(made)
    assert [row[1] for row in found["count"]] == shown


def test_r34_nothing_reaches_disclosure_control_but_through_the_noise() -> None:
    """Reads the code: counts are cleared only after `added`, linked rows are made only with what was dealt."""
    kinds = ast.AsyncFunctionDef | ast.FunctionDef
    functions = [node for node in ast.walk(ast.parse(inspect.getsource(work))) if isinstance(node, kinds)]
    seen = []
    for function in functions:
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        for call in calls:
            name = ast.unparse(call.func)
            if name == "clear.clear_counts":
                seen.append(name)
                assert (function.name, ast.unparse(call.args[0])) == ("_cleared", "tables")
            if name == "self._cleared":
                seen.append(name)
                assert ast.unparse(call.args[0]).startswith("noise.added(")
            if name == "LinkedRows":
                seen.append(name)
                assert "self.noise.dealt(session)" in [ast.unparse(argument) for argument in call.args]
    assert {"clear.clear_counts", "self._cleared", "LinkedRows"} == set(seen)


def test_r35_noise_is_drawn_before_anything_is_known_of_the_data() -> None:
    order: list[str] = []

    class Steps:
        def __init__(self, name: str) -> None:
            self.name = name

        def __getattr__(self, step: str) -> Any:
            async def call(*_: Any) -> None:
                order.append(f"{self.name}.{step}")
                if step == "cleared":
                    raise SpecError("far enough")

            return call

    job = run.Job.__new__(run.Job)
    job.session = Steps("session")
    job.work = SimpleNamespace(noise=Steps("noise"), cleared=Steps("work").cleared)
    job.program, job.streams = None, []
    job._local = Steps("data").read
    with pytest.raises(SpecError, match="far enough"):
        asyncio.run(job.outcome(0))
    assert order == ["noise.draw", "session.hello", "data.read", "session.start", "work.cleared"]


def test_r35_drawing_ends_at_a_moment_that_does_not_go_with_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if drawing took longer the larger the noise comes out, as with samplers that reject."""
    asked = told(case(1, "linked-count", {"by": ["edu.level"]}, 20, 2, "inner", noise=LAPLACE))
    now, rng, ends, sizes, taken_s = [0.0], random.Random(5), [], [], []

    def share(_law: Any, _honest: int, count: int) -> np.ndarray:
        drawn = np.array([rng.randint(-30, 30) for _ in range(count)])
        spent = 1e-4 * float(np.abs(drawn).sum())
        now[0] += spent
        sizes.append(np.abs(drawn).sum())
        taken_s.append(spent)
        return drawn

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(shares, "share", share)
    monkeypatch.setattr(noise, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(noise, "asyncio", SimpleNamespace(sleep=sleep))
    for _ in range(500):
        now[0] = 0.0
        asyncio.run(noise.Noise(*asked).draw())
        ends.append(now[0])
    assert np.corrcoef(sizes, taken_s)[0, 1] > 0.99
    assert max(ends) - min(ends) < 1e-9
    assert ends[0] == pytest.approx(noise.SLOT_S * math.ceil(ends[0] / noise.SLOT_S))


def ends_and_sizes(runs: int, clock: Callable[[], float] = time.perf_counter) -> tuple[list[float], list[int]]:
    """How long draws took by a clock, and how much noise came out of each, all signs left out."""
    asked = told(case(1, "linked-count", {"by": ["edu.level"]}, 20, 2, "inner", noise=LAPLACE))
    taken_s, sizes = [], []

    async def draws() -> None:
        for _ in range(runs):
            own = noise.Noise(*asked)
            started = clock()
            await own.draw()
            taken_s.append(clock() - started)
            sizes.append(int(sum(np.abs(drawn).sum() for drawn in own._own.values())))

    asyncio.run(draws())
    return taken_s[1:], sizes[1:]  # the first works out the law's table


def test_r35_over_500_draws_the_time_they_take_does_not_go_with_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may be busy as it likes: it doesn't know what is drawn, so ranks go together by chance only, beyond
    0.25 once in a hundred million times. A sampler that takes longer the larger the noise, out of its slot, is found.
    """
    monkeypatch.setattr(noise, "SLOT_S", 0.001)
    taken_s, sizes = ends_and_sizes(501)
    assert len(set(sizes)) > 5
    assert abs(stats.spearmanr(taken_s, sizes).statistic) < 0.25
    share, late_s = shares.share, [0.0]

    def slow(*args: Any) -> np.ndarray:
        drawn = share(*args)
        late_s[0] += float(np.abs(drawn).sum())  # not slept: a busy machine would drown some tenths of a millisecond
        return drawn

    monkeypatch.setattr(shares, "share", slow)
    assert stats.spearmanr(*ends_and_sizes(501, lambda: time.perf_counter() + late_s[0])).statistic > 0.25


@pytest.mark.parametrize(
    ("protocol", "params", "rule", "says"),
    [
        ("overlap", {}, LAPLACE, "disclosure.noise: overlap doesn't offer it"),
        ("linked-statistics", PARAMS | {"weight": "tax.w"}, LAPLACE, "not offered together with weights"),
        ("linked-statistics", PARAMS | {"correlations": [["tax.income", "edu.age"]]}, LAPLACE, "or correlations"),
        ("linked-statistics", PARAMS, LAPLACE | {"clamp": {"edu.height": ["1", "2"]}}, "none of the job's measures"),
        (
            "linked-statistics",
            PARAMS,
            LAPLACE | {"clamp": {"edu.age": ["200001", "300000"]}},
            "isn't declared with two",
        ),
        ("linked-statistics", PARAMS, LAPLACE | {"clamp": {"edu.age": ["60", "30"]}}, "the lower limit, then"),
        ("linked-statistics", PARAMS, LAPLACE | {"epsilon": "0.001", "bound": 5}, "would get noise of about ±"),
        ("linked-count", {}, LAPLACE | {"epsilon": "0.001", "bound": 20}, "would get noise of about ±22,222"),
    ],
)
def test_noise_that_makes_no_sense_for_a_job_is_refused_before_it_starts(
    protocol: str, params: dict[str, Any], rule: dict[str, Any], says: str
) -> None:
    with pytest.raises(SpecError) as caught:
        case(1, protocol, params, 20, 2, "inner", noise=rule).linked()
    assert says in "; ".join(caught.value.faults)


@settings(max_examples=12)
@given(st.integers(2, 10**8), st.lists(st.integers(0, 4), min_size=3, max_size=40))
def test_r17_sums_of_values_at_their_bounds_are_those_of_pythons_integers(bound: int, picked: list[int]) -> None:
    """From the owners' rows to what is opened, with noise that is silent; values at the bounds, and one less."""
    values = [[bound, bound - 1, -bound, 1 - bound, 0][pick] for pick in picked]
    columns = {
        "group": {"kind": "category", "values": ["a"]}, "pay": {"kind": "integer", "min": -bound, "max": bound}
    }  # fmt: skip
    asked = {"by": ["group"], "measures": ["pay"]}
    proposal = proposed("joint-statistics", columns, asked, {"min_count": 3, "noise": LAPLACE | {"epsilon": "10"}})
    stacked = Stacked.of(proposal.job, registry.find("joint-statistics").manifest, proposal.declarations)
    locals_ = {}
    for name, own in (("p0", values[::2]), ("p1", values[1::2])):
        numbers = taken(stacked, "", {"pay": np.array(own, np.int64)})
        locals_[name] = sums.added(summed.wanted(stacked), numbers, np.zeros(len(own), np.int64), 1)
    with pytest.MonkeyPatch.context() as patch:
        silence(patch)
        opened = [int(value) for value in worked(work.SumsWork, proposal, locals_)["statistics"][0]]
    tables = check.result_tables(proposal.job, registry.find("joint-statistics").manifest, proposal.declarations)
    found = numbers_by_name(Layout(modulus="7", degree=1, tables=tables), opened)
    assert found["statistics.count"] == [len(values)]
    assert found["statistics.pay.x"] == [sum(values)]
    assert found["statistics.pay.xx"] == [sum(value * value for value in values)]


def test_r17_noise_that_could_leave_the_word_is_refused() -> None:
    made = case(1, "linked-statistics", PARAMS, 20, 2, "inner", noise=LAPLACE | {"epsilon": "0.1"})
    made.declared["tax"] = made.declared["tax"] | {
        "income": {"kind": "decimal", "min": "-1000000000", "max": "1000000000", "places": 4}
    }
    with pytest.raises(SpecError, match="by its noise alone: clamp its measure"):
        made.linked()


def test_a_plan_says_how_far_off_numbers_will_be_and_how_many_empty_cells_will_look_full() -> None:
    made = case(1, "linked-statistics", PARAMS, 20, 2, "inner", noise=LAPLACE, min_count=12)
    linked = made.linked()
    tables = check.result_tables(linked.job, linked.manifest, linked.declarations)
    lines = accuracy.sentences(linked.job, linked.manifest, linked.declarations, tables, 1)
    assert "epsilon 1.0 for one person with at most 1 row in each register" in lines[0]
    assert "even if 1 of the 3 parties help" in lines[0]
    laws = noising.laws(linked.job, linked.manifest, linked.declarations, noising.names(tables))
    totals = sum(shares.share(laws["statistics.count"], 2, 50_000) for _ in range(3))
    often = 1000 * (totals >= 12).mean()
    (said,) = [line for line in lines if "by noise alone" in line]
    assert float(said.split()[4]) == pytest.approx(often, rel=0.1)
    (off,) = [line for line in lines if line.startswith("statistics.count")]
    assert (np.abs(totals) <= int(off.rpartition(" ")[2])).mean() == pytest.approx(0.95, abs=0.01)
    means = sum(shares.share(laws["statistics.edu.age.x"], 2, 50_000) for _ in range(3)) / 1000
    (mean,) = [line for line in lines if line.startswith("edu.age: in a cell of 1,000 rows")]
    limit = float(mean.partition("off by at most ")[2].split()[0].replace(",", ""))
    assert (np.abs(means) <= limit).mean() == pytest.approx(0.95, abs=0.01)
    assert "takes 10% of epsilon and fails with a chance of at most 2^-40" in lines[-2]
    assert "a matcher's number of matches comes on top" in lines[-1]


def test_sensitivity_is_the_consortiums() -> None:
    """Rows of one person in every register, for counts of rows; for linked rows, one for each key."""
    made = case(1, "linked-statistics", PARAMS, 20, 2, "inner", noise=LAPLACE | {"bound": 3})
    linked = made.linked()
    tables = check.result_tables(linked.job, linked.manifest, linked.declarations)
    laws = noising.laws(linked.job, linked.manifest, linked.declarations, noising.names(tables))
    assert {name: (law.rows, law.largest) for name, law in laws.items()} == {
        "statistics.count": (3, 1),
        "statistics.tax.income.x": (3, 100_500),  # half of −10.00 … 2000.00
        "statistics.tax.income.xx": (3, 100_500**2),
        "statistics.edu.age.x": (3, 50_000),  # half of 0 … 100,000
        "statistics.edu.age.xx": (3, 50_000**2),
    }
    assert sum(law.budget for law in laws.values()) == Fraction(9, 10)  # a tenth hides the lengths of lists


@pytest.mark.usefixtures("silent")
def test_consistent_results_hold_only_numbers_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shares, "share", lambda law, honest, count: np.full(count, 0 if law.largest == 1 else -law.largest * 100)
    )
    for consistent in (False, True):
        made = case(3, "linked-statistics", PARAMS, 90, 2, "inner", noise=LAPLACE | {"consistent": consistent})
        found, _ = noisy(made)
        row = found["statistics"][0]
        assert (row[2] < -10) is not consistent
        assert (row[3] < 0) is not consistent
        assert row[5] >= 0 or not consistent


@pytest.mark.parametrize(("parties", "threshold", "honest"), [(3, 1, 2), (5, 2, 3), (5, 1, 4)])
def test_shares_are_drawn_so_that_those_of_all_but_t_suffice(
    parties: int, threshold: int, honest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def share(law: Any, needed: int, count: int) -> np.ndarray:
        asked.append((law.parties, needed))
        return np.zeros(count, np.int64)

    monkeypatch.setattr(shares, "share", share)
    made = case(
        1, "linked-count", {"by": ["edu.level"]}, 20, 2, "inner", parties=parties, threshold=threshold, noise=LAPLACE
    )
    found, _ = noisy(made)
    assert asked == [(parties, honest)] * parties
    assert len(found["count"]) == 3


PARTS = {"p0": {"dataset": "d"}, "p1": {"dataset": "d"}, "p2": {}}


def proposed(protocol: str, columns: dict[str, Any], params: dict[str, Any], rules: dict[str, Any]) -> Any:
    """A proposal about rows that aren't linked; the third party brings none."""
    declared = validate({"max_rows": 10**6, "columns": columns}, Declaration, "declaration")
    asked = {
        "protocol": protocol,
        "purpose": "a test",
        "legal_basis": "none",
        "parties": PARTS,
        "params": params,
        "disclosure": rules,
        "receivers": ["coordinator"],
    }
    declarations = {"p0": declared, "p1": declared}
    job = validate(asked, Job, "job")
    check.check_job(job, registry.find(protocol).manifest, declarations, 1)
    return SimpleNamespace(job=job, declarations=declarations, parties=tuple(PARTS), threshold=1)


def worked(kind: Any, proposal: Any, locals_: dict[str, Any]) -> dict[str, list[np.ndarray]]:
    """What each table opens, after the worker's whole way from what owners read to cleared cells."""
    protocol = registry.find(proposal.job.protocol_name)
    program = ModuleType("program")
    exec((protocol.folder / "program.py").read_text(encoding="utf-8"), program.__dict__)

    async def one(party: Party) -> Any:
        name, failures = f"p{party.me}", []
        config = SessionConfig(tuple(PARTS), party.me, 1, bytes(32), 59, 1000)
        made = engine(party, config, failures)
        session = SimpleNamespace(
            config=config, enter=lambda _: None, input=lambda *args: SecretArray.deal(made, *args)
        )  # fmt: skip
        own = kind(SimpleNamespace(proposal=proposal, party=name), protocol.manifest)
        await own.noise.draw()
        cleared = await own.cleared(session, program, locals_.get(name))
        return await places({table: one.cells for table, one in cleared.items()})

    return opened_places(run_parties(make_parties(3, 1), one), 1)


@pytest.mark.parametrize(("each", "shown"), [(0, [30, 12, -1]), (5, [45, 27, 15]), (-4, [18, -1, -1])])
def test_r34_counts_are_gated_and_rounded_with_their_noise_on(
    each: int, shown: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three parties deal `each`, one brings no rows."""
    monkeypatch.setattr(shares, "share", lambda law, honest, count: np.full(count, each))
    monkeypatch.setattr(noise, "SLOT_S", 1e-6)
    column = {"group": {"kind": "category", "values": ["a", "b", "c"]}}
    rules = {"min_count": 11, "round_to": 3, "noise": LAPLACE}
    proposal = proposed("joint-count", column, {"by": ["group"]}, rules)
    manifest = registry.find("joint-count").manifest
    law = noising.laws(proposal.job, manifest, proposal.declarations, ["count.count"])["count.count"]
    assert (law.rows, law.sensitivity) == (2, 2)  # a person may be in both registers
    counts = {"p0": np.array([20, 12, 0]), "p1": np.array([10, 0, 0])}
    assert worked(work.CountsWork, proposal, counts)["count"][0].tolist() == shown


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("clamp", [None, ["-50.00", "800.00"]])
@pytest.mark.parametrize("most", [1000, 10**5], ids=["one word", "digits"])
def test_statistics_of_unlinked_rows_are_exact_but_for_the_noise(most: int, clamp: list[str] | None) -> None:
    rng = np.random.default_rng(7)
    columns = {
        "group": {"kind": "category", "values": ["a", "b", "c"]},
        "pay": {"kind": "decimal", "min": "-100", "max": str(most), "places": 2},
    }
    rule = LAPLACE | ({} if clamp is None else {"clamp": {"pay": clamp}})
    proposal = proposed("joint-statistics", columns, {"by": ["group"], "measures": ["pay"]}, {"noise": rule})
    manifest = registry.find("joint-statistics").manifest
    stacked = Stacked.of(proposal.job, manifest, proposal.declarations)
    rows = {name: (rng.integers(0, 2, 40), rng.integers(-10_000, 100_000, 40)) for name in ("p0", "p1")}
    locals_ = {
        name: sums.added(summed.wanted(stacked), taken(stacked, "", {"pay": pay}), place, 3)
        for name, (place, pay) in rows.items()
    }
    tables = check.result_tables(proposal.job, manifest, proposal.declarations)
    assert (tables[0].opened[2].places > 1) is (most > 1000 and clamp is None)
    values = [int(value) for value in worked(work.SumsWork, proposal, locals_)["statistics"][0]]
    names = numbers_by_name(Layout(modulus="7", degree=1, tables=tables), values)
    numbers = {name.removeprefix("statistics."): value for name, value in names.items()}
    found = render.rows(stacked, tables[0], numbers)
    place, pay = (np.concatenate([rows[name][i] for name in rows]) for i in (0, 1))
    if clamp is not None:
        pay = np.clip(pay, -5_000, 80_000)
    for cell, row in enumerate(found[:2]):
        expected = pay[place == cell] / 100
        assert row[1] == len(expected)
        assert row[2:] == [pytest.approx(expected.mean()), pytest.approx(expected.var(ddof=1))]
    assert found[2] == ["c", None, None, None]
    laws = noising.laws(proposal.job, manifest, proposal.declarations, noising.names(tables))
    assert [law.rows for law in laws.values()] == [2, 2, 2]
    width = 85_000 if clamp else 100 * most + 10_000
    assert laws["statistics.pay.x"].largest == width // 2
