"""Tables of compared records, disclosure control included, put together from all parties' shares."""

from __future__ import annotations

import numpy as np
import pytest

from mpcgov.disclosure import SENTINEL
from mpcgov.errors import SpecError
from mpcgov.linked import blocks, layout, render
from mpcgov.results.result import numbers_by_name
from mpcgov.spec.statement import Layout
from tests.linkage.similar.compared import Case, all_scores, dealt_filters
from tests.mpc.word.local import opened

FIRST = ["anna smith", "peter jones", "maria brown", "", "paul taylor", "lisa wilson", "eva davies", "john evans"]
SECOND = ["pter jones", "zed nobody", "anna smith", "lisa willson", "john evanss", "paul taylor", "hugo nobody"]
PAIRS = [(0, 2), (1, 0), (4, 5), (5, 3), (7, 4)]


def tables(case: Case) -> dict[str, list[list[object]]]:
    """The released rows."""
    results, _ = case.run()
    linked = case.linked()
    found = layout.tables(linked)
    values = [int(x) for table in found for x in opened([result[table.name] for result in results], 1)]
    by_name = numbers_by_name(Layout(modulus=str(2**61 - 1), degree=1, tables=found), values)
    return {
        table.name: render.rows(linked, table, {one.name: by_name[f"{table.name}.{one.name}"] for one in table.opened})
        for table in found
    }


@pytest.mark.by_day(2)
@pytest.mark.parametrize("longer", ["neither", "first", "second"])
def test_links_are_named_whichever_list_is_longer(longer):
    more = [f"{'qxzvkw'[i % 6] * 4}{'jfgh'[i % 4] * 5}" for i in range(120)]
    first, second = FIRST + more * (longer == "first"), SECOND + more * (longer == "second")
    found = tables(Case(first, second))
    assert found["links"] == [[f"tax{i}", f"wel{j}"] for i, j in PAIRS]
    assert found["count"] == [[len(PAIRS)]]


def test_fewer_links_than_min_count_leave_nothing():
    case = Case(FIRST, SECOND, min_count=6)
    found = tables(case)
    assert found == {"count": [[None]], "links": []}
    results, _ = case.run()
    assert set(opened([result["links"] for result in results], 1).tolist()) == {0}
    assert opened([result["count"] for result in results], 1).tolist() == [SENTINEL]


def test_the_order_of_the_pairs_is_not_the_owners():
    """Of 120 orders; five times the same one by chance in no run of a hundred million."""
    orders = set()
    for _ in range(5):
        results, _ = Case(FIRST, SECOND).run()
        orders.add(tuple(opened([result["links"] for result in results], 1)[:5].tolist()))
    assert len(orders) > 1


def test_statistics_run_over_linked_records_only_negative_numbers_included():
    params = {"output": "statistics", "identify": None, "by": ["wel.sex"], "measures": ["tax.income", "wel.income"]}
    found = tables(Case(FIRST, SECOND, params))["statistics"]
    assert [row[1] for row in found] == [3, None]
    assert [row[2:] for row in found] == [[None] * 4] * 2, "three rows can't hold what a mean and a variance tell"
    names = [f"{a} {b}" for a in ("anna", "bert", "carl", "dora", "emil") for b in ("smith", "jones", "brown", "green")]
    params |= {"by": [], "threshold": "1"}
    (row,) = tables(Case(names, ["zed nobody", *names], params))["statistics"]
    for place, more in ((1, 0), (3, 1)):
        values = np.arange(20.0) + more - 50
        assert row[place : place + 2] == pytest.approx([values.mean(), values.var(ddof=1)], rel=6e-4)


def test_a_receivers_numbers_are_those_of_classes_all_of_which_must_have_enough_links():
    params = {"output": "statistics", "identify": None, "threshold": "1", "measures": ["tax.income"]}
    halves = ("anna", "bert", "carl", "dora", "emil"), ("smith", "jones", "brown", "green"), "qxzv"
    names = [f"{a}{c * 3} {b}" for a in halves[0] for b in halves[1] for c in halves[2]]
    (row,) = tables(Case(names, names, params, receivers=("tax",)))["statistics"]
    step = 2**14 / 80**2  # the power of two above 4·n·w; classes of 40 rows have the means −30 and 10
    assert row[:2] == [80, pytest.approx(-10, abs=step / 2)]
    (row,) = tables(Case(names, names[:47] + ["zed nobody"] * 33, params, receivers=("tax",)))["statistics"]
    assert row == [47, None, None], "seven links are too few"


def test_match_rates_are_those_of_the_groups_or_hidden_altogether():
    params = {"output": "count", "report": ["tax.sex", "wel.sex"]}
    found = tables(Case(FIRST * 4, SECOND * 4, params | {"threshold": "1"}, min_count=3))
    assert [row[0] for row in found["match_rate"]] == ["tax.sex=F", "tax.sex=M", "wel.sex=F", "wel.sex=M"]
    assert [row[1:] for row in found["match_rate"]] == [[None] * 3] * 4, "nobody of one sex is linked"
    found = tables(Case(FIRST, SECOND[2:] * 2 + SECOND[:2] * 3, params | {"threshold": "0.7"}, min_count=3))
    rates = {row[0]: row[1:] for row in found["match_rate"]}
    assert rates["wel.sex=F"] == rates["wel.sex=M"] == [None] * 3
    alike = [f"{a}{b}" for a in ("anna", "bert", "carl", "dora") for b in ("smith", "jones", "brown", "green")]
    found = tables(Case(alike, [*alike, "zzzz", "yyyy", "xxxx", "wwww", "vvvv", "uuuu"], params))
    rates = {row[0]: row[1:] for row in found["match_rate"]}
    assert rates["tax.sex=F"] == rates["tax.sex=M"] == [None] * 3, "all are linked: as if all but a few were"
    assert rates["wel.sex=F"] == rates["wel.sex=M"] == [11, 8, 8 / 11]


def test_doubtful_pairs_are_those_within_a_twentieth_of_the_threshold():
    """The band by plain numpy on the very filters that were dealt, at thresholds among the pairs' own Dice."""
    families = ("smith", "jones", "brown", "green", "taylor", "wilson", "hughes", "moore")
    names = [f"{one}{family}" for one in ("anna", "bert", "carl", "dora", "emil", "fritz") for family in families]
    typos = [name[: k % 7] + "x" + name[k % 7 + 1 :] for k, name in enumerate(names)]
    seen = set()
    for threshold in ("0.82", "0.84", "0.85", "0.9"):
        case = Case(names, typos, {"output": "count", "report": ["tax.sex"], "threshold": threshold})
        with dealt_filters() as made:
            found = tables(case)["doubtful"]
        rules = case.linked().scoring
        scores = all_scores(made)[: len(names), : len(names)]
        band = rules.q * 2 * (made[True].weights()[1][: len(names), None] + made[False].weights()[1][: len(names)])
        mutual = [(i, j) for i, j in enumerate(scores.argmax(axis=1)) if scores[:, j].argmax() == i]
        below = sum(-band[pair] <= 20 * scores[pair] < 0 for pair in mutual)
        above = sum(0 <= 20 * scores[pair] < band[pair] for pair in mutual)
        others = sum(20 * scores[pair] >= band[pair] for pair in mutual)
        assert found[0][1] == (below if below >= 3 else None)
        assert found[1][1] == (above if above >= 3 and others >= 3 else None)
        seen |= {found[0][1], found[1][1]}
    assert len(seen - {None}) >= 2, "no threshold had pairs near it"


def test_more_pairs_than_can_be_compared_are_refused_by_every_party(monkeypatch):
    monkeypatch.setattr(blocks, "MOST_PAIRS", 100 * 110 - 1)
    with pytest.raises(SpecError, match="100 and 110 records are more than 10,999 pairs") as error:
        Case(FIRST, SECOND * 15).run()
    assert "params.blocks" in str(error.value.hint)
    monkeypatch.undo()
    monkeypatch.setattr(blocks, "MOST_BLOCKED_PAIRS", 3 * 100 * 110 - 1)
    years = [[1990] * len(FIRST), [1991] * 105]
    with pytest.raises(SpecError, match="3 blocks of 100 and 110 records are more than 32,999 pairs"):
        Case(FIRST, SECOND * 15, blocks=years).run()
    assert Case(FIRST, SECOND * 15, blocks=(years[0], [1991] * 100 + [1992] * 5)).run()


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("first", "second"), [([""] * 5, [""] * 5), (["anna"], ["bob"]), ([], ["bob"]), ([], [])])
def test_nobody_is_linked_where_nobody_is_alike(first, second):
    assert tables(Case(first, second))["links"] == []


def test_the_same_secrets_make_the_same_filters_in_every_job():
    """So the same records are linked each time; with keys of each job's own, pairs near the threshold came and went."""

    def rows(job: str, secret: bytes | None) -> bytes:
        with dealt_filters() as made:
            Case(["anna", "bob"], ["ana", "bob"], secret=secret, job=job).run()
        return b"".join(filters.rows(np.arange(2)).tobytes() for filters in made.values())

    first = rows("one job", bytes(31) + b"1")
    assert rows("another job", bytes(31) + b"1") == first
    assert rows("another job", bytes(31) + b"2") != first
    assert rows("one job", None) != rows("one job", None)
