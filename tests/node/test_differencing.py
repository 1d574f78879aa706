"""Which two releases may stand beside each other: from what both say alone, for counts, linked rows and models."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.kinds.kind import Kind
from mpcgov.node.differencing import Release, Side, compare, countable, links_otherwise, release, same_rows
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration

DECLARED = {
    "max_rows": 1000,
    "columns": {
        "id": {"kind": "key"},
        "region": {"kind": "category", "values": ["North", "South"]},
        "sex": {"kind": "category", "values": ["F", "M"]},
        "age": {"kind": "integer", "min": 0, "max": 120},
        "year": {"kind": "integer", "min": 2000, "max": 2030},
        "wage": {"kind": "decimal", "min": 0, "max": 1000, "places": 2},
        "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
    },
}
NOWHERE = "sha256:" + "0" * 64


def released(
    parties: dict[str, Any] | None = None,
    declared: dict[str, Any] | None = None,
    protocol: str = "joint-count",
    **changes: Any,
) -> Release:
    """Of a job over a's and b's people, by region; `parties` are taken in place of these."""
    job = {
        "protocol": protocol,
        "purpose": "p",
        "legal_basis": "l",
        "parties": parties or {"a": {"dataset": "people"}, "b": {"dataset": "people"}, "c": {}},
        "params": {"by": ["region"]},
        "receivers": ["coordinator"],
    } | changes
    built = validate(job, Job, "job")
    declaration = validate(DECLARED | (declared or {}), Declaration, "declaration")
    proposal = Proposal(
        job=built, protocol_digest=NOWHERE, roster_digest=NOWHERE, threshold=1,
        declarations=dict.fromkeys(built.data_parties, declaration), proposed_at=0, approve_before=1, nonce="0" * 32,
    )  # fmt: skip
    return release(proposal, registry.find(protocol).manifest)


def where(a: str | None = None, b: str | None = None) -> dict[str, Any]:
    rows = {"a": a, "b": b}
    return {name: {"dataset": "people", "where": text} for name, text in rows.items()} | {"c": {}}


def linked(a: str | None = None, b: str | None = None, join: str = "inner", **changes: Any) -> Release:
    parties = {
        name: {"dataset": "people", "key": "id", "where": text} for name, text in {"a": a, "b": b}.items()
    } | {"c": {}}  # fmt: skip
    link = {"join": join}
    params = changes.pop("params", {"by": ["a.region"]})
    return released(changes.pop("parties", parties), protocol="linked-count", params=params, link=link, **changes)


def both(x: Release, y: Release, me: str = "a") -> Side:
    """Where each person has one row, and these are as they were."""
    found, turned = (compare(*pair, me, persons_apart=True) for pair in ((x, y), (y, x)))
    assert found is turned
    return found


def strictest(x: Release, y: Release) -> Side:
    """What one job after the other meets in all: any node's refusal is one, any node's question is asked."""
    found = {both(x, y, part.party) for part in x.parts}
    return next(side for side in (Side.UNCLEAR, Side.RELATED, Side.APART, Side.SAME_CELLS) if side in found)


def test_the_same_job_and_the_same_said_otherwise_share_rows_and_cells() -> None:
    assert both(released(), released()) is Side.SAME_CELLS
    assert both(released(where("age < 25")), released(where("not age >= 25"))) is Side.SAME_CELLS
    two = {"by": ["region", "sex"]}
    assert both(released(params=two), released(params={"by": ["sex", "region"]})) is Side.SAME_CELLS
    assert both(released(receivers=["c"]), released(purpose="another")) is Side.SAME_CELLS


def test_r26_the_same_true_totals_in_another_order_are_related() -> None:
    """Of equal cycles the first is hidden, so another order of columns or values may show what the first one hid."""
    rules = {"disclosure": {"margins": True}}
    one = released(params={"by": ["region", "sex"]}, **rules)
    assert both(one, released(params={"by": ["region", "sex"]}, purpose="another", **rules)) is Side.SAME_CELLS
    assert both(one, released(params={"by": ["sex", "region"]}, **rules)) is Side.RELATED
    turned = {"columns": DECLARED["columns"] | {"sex": {"kind": "category", "values": ["M", "F"]}}}
    assert both(one, released(params={"by": ["region", "sex"]}, declared=turned, **rules)) is Side.RELATED
    assert both(one, released(params={"by": ["region", "sex"]})) is Side.RELATED


def test_disjoint_years_are_apart_and_so_is_a_partition() -> None:
    years = [released(where(f"year = {year}", f"year = {year}")) for year in (2023, 2024, 2025)]
    groups = [released(where(text, text)) for text in ("age < 25", "age between 25 and 64", "age >= 65")]
    for family in (years, groups):
        assert {both(x, y) for x, y in itertools.combinations(family, 2)} == {Side.APART}


def test_data_sets_that_have_nothing_in_common_are_apart() -> None:
    other = {"a": {"dataset": "firms"}, "b": {"dataset": "firms"}, "c": {}}
    assert both(released(), released(other)) is Side.APART


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (where(), where("region != 'South'")),
        (where("age between 20 and 29"), where("age between 20 and 30")),
        (where("age < 25"), where("sex = 'F'")),
        (where("year = 2024"), where("year in (2024, 2025)")),
        (where("age < 25"), where(b="age < 25")),
    ],
    ids=["all but one", "a year more", "another choice", "one more part", "another agency's choice"],
)
def test_r26_filters_that_may_differ_in_few_rows_are_unclear(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert strictest(released(first), released(second)) is Side.UNCLEAR


def test_r26_the_general_tracker_has_a_query_that_is_unclear() -> None:
    """Denning's: q(C) = q(C or T) + q(C or not T) - q(T) - q(not T); whatever two come first, a third is refused."""
    person, tracker = "age = 41", "sex = 'F'"
    texts = [f"{person} or {tracker}", f"{person} or not {tracker}", tracker, f"not {tracker}"]
    queries = [released(where(text, text)) for text in texts]
    for order in itertools.permutations(queries):
        passed: list[Release] = []
        for query in order:
            if all(strictest(query, earlier) in (Side.APART, Side.SAME_CELLS) for earlier in passed):
                passed.append(query)
        assert len(passed) <= 2


def test_r26_the_tracker_by_columns_is_the_same_rows_in_other_cells() -> None:
    """North less the women of the North leaves the men of the North, suppressed or not: a person must look at it."""
    assert both(released(), released(params={"by": ["region", "sex"]})) is Side.RELATED
    assert both(released(), released(params={"by": ["sex"]})) is Side.RELATED
    assert both(released(), released(disclosure={"min_count": 5})) is Side.RELATED
    assert both(released(), released(disclosure={"min_count": 10, "round_to": 5})) is Side.RELATED


def test_other_company_for_the_same_rows_is_for_a_person_to_weigh() -> None:
    """What is left when an agency is taken out are its own counts, which no rule has looked at."""
    without_b = {"a": {"dataset": "people"}, "c": {}, "b": {}}
    assert both(released(), released(without_b)) is Side.RELATED
    assert both(linked(), released()) is Side.RELATED
    assert both(linked("age < 25"), released(), "b") is Side.RELATED
    assert both(linked("age < 25"), released()) is Side.UNCLEAR
    assert both(released(), released(without_b | {"a": {"dataset": "people", "where": "age < 99"}})) is Side.UNCLEAR


def test_filters_must_keep_all_rows_apart_that_are_added_up() -> None:
    # Disjoint at one agency only: the other one's rows are in both sums, and their difference is about the first's own.
    one, other = released(where("year = 2024")), released(where("year = 2025"))
    assert (both(one, other), both(one, other, "b")) == (Side.UNCLEAR, Side.RELATED)
    # With nobody of the one, the second table is the other's own.
    assert both(released(), released(where("age > 120"))) is Side.UNCLEAR


def test_dropping_rows_makes_the_columns_part_of_the_filter() -> None:
    drop = {"missing": "drop"}
    assert both(released(declared=drop), released(declared=drop)) is Side.SAME_CELLS
    assert both(released(declared=drop), released(declared=drop, params={"by": ["region", "sex"]})) is Side.UNCLEAR
    assert both(released(declared=drop), released()) is Side.UNCLEAR
    anybody = where("wage is null or wage is not null", "wage is null or wage is not null")
    means = {"protocol": "joint-statistics", "declared": drop}
    tested = released(anybody, params={"measures": ["age"]}, **means)
    added = released(anybody, params={"measures": ["age", "wage"]}, **means)
    assert both(tested, added) is Side.UNCLEAR, "rows without a wage are in the first alone"
    assert both(released(where("year = 2024", "year = 2024"), drop), released(where("year = 2025", "year = 2025"))) is (
        Side.APART
    )


def test_a_declaration_that_has_grown_still_keeps_years_apart() -> None:
    columns = DECLARED["columns"] | {"year": {"kind": "integer", "min": 2000, "max": 2031}}
    grown = {"columns": columns}
    this, next_ = released(where("year = 2024", "year = 2024")), where("year = 2025", "year = 2025")
    assert both(this, released(next_, grown)) is Side.APART
    everybody = released(where("year <= 2030", "year <= 2030"))
    assert both(everybody, released(where("year <= 2031", "year <= 2031"), grown)) is Side.UNCLEAR
    text = {"columns": DECLARED["columns"] | {"year": {"kind": "decimal", "min": 0, "max": 9, "places": 1}}}
    assert both(this, released(next_, text)) is Side.UNCLEAR


@pytest.mark.parametrize("join", ["inner", "left"])
def test_each_owner_of_linked_rows_judges_its_own(join: str) -> None:
    """Month 1 with all patients, then month 2 with all but one: the months keep pay's rows apart, not the patients."""

    def months(first: str | None, second: str | None, me: str) -> Side:
        return both(linked("year = 2001", first, join), linked("year = 2002", second, join), me)

    assert months(None, "age != 101", "a") is Side.APART
    assert months(None, "age != 101", "b") is Side.UNCLEAR
    # The same patients: who left between the months follows, so that a person must weigh it.
    assert (months(None, None, "a"), months(None, None, "b")) == (Side.APART, Side.RELATED)
    # Of a left join, (no match) counts patients' absence: those of the pay's rows that are outside of the filter.
    assert months("age < 25", "age >= 25", "b") is (Side.APART if join == "inner" else Side.RELATED)
    assert months("age < 25", "age >= 25", "a") is Side.APART
    assert both(linked("age < 25", join=join), linked("age < 26", join=join), "b") is Side.UNCLEAR


def test_a_partners_key_that_is_unique_keeps_nobody_apart() -> None:
    """One row for each person holds within one edition: next month's may say another month of the same persons."""
    unique = {"unique": [["id"]]}
    found = both(linked("year = 2001", declared=unique), linked("year = 2002", "age != 101", declared=unique), "b")
    assert found is Side.UNCLEAR


def test_linked_rows_that_differ_are_unclear_to_whose_they_are() -> None:
    assert both(linked(), linked()) is Side.SAME_CELLS
    assert both(linked(), linked("age < 100")) is Side.UNCLEAR
    assert both(linked(), linked("age < 100"), "b") is Side.UNCLEAR
    assert both(linked(), linked(params={"by": ["b.sex"]})) is Side.RELATED
    assert both(linked("year = 2024", "year = 2024"), released(where("year = 2025", "year = 2025"))) is Side.APART
    # A left join counts all rows of its left owner, whatever of ours it links; with other rows they add up to ours.
    assert both(linked("year = 2024", join="left"), released(where("year = 2025"))) is Side.RELATED


def test_only_what_an_owner_can_count_is_put_to_a_person() -> None:
    """Of linked rows that differ perhaps a single one is linked, whatever number of ours differs."""
    assert countable([released(where("age < 25")), released()])
    assert not countable([linked("age < 25"), released()])
    assert not countable([linked("age < 25"), linked()])
    assert not countable([linked("age < 25", join="left"), linked()])


@pytest.mark.parametrize(
    ("protocol", "params"),
    [
        ("joint-statistics", {"by": ["region"], "measures": ["wage"]}),
        ("joint-t-test", {"by": ["sex"], "measures": ["wage"]}),
        ("data-quality", {"columns": ["a.wage", "b.wage"]}),
    ],
)
def test_a_person_is_not_asked_where_more_than_cells_is_told(protocol: str, params: dict[str, Any]) -> None:
    """What is counted are cells: rows that lack a value are in none, and a mean tells how many have a 1."""
    assert not countable([released(protocol=protocol, params=params), released(where("age < 25"))])
    assert not countable([released(where("age < 25")), released(protocol=protocol, params=params)])


def test_true_totals_of_what_is_no_table_of_cells_are_not_counted_as_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """No protocol of ours has both; what one is about stays in its release, whatever else decides on its cells."""
    rules = {"disclosure": {"margins": True}, "params": {"by": ["region", "sex"]}}
    assert countable([released(**rules)])
    monkeypatch.setattr(Kind, "of_cells", property(lambda _: False))
    assert not countable([released(**rules)])


def test_a_left_join_counts_from_its_left_owner() -> None:
    assert both(linked(join="left"), linked()) is Side.RELATED
    turned = {"b": {"dataset": "people", "key": "id"}, "a": {"dataset": "people", "key": "id"}, "c": {}}
    assert both(linked(join="left"), linked(join="left", parties=turned)) is Side.RELATED
    assert both(linked(), linked(parties=turned)) is Side.SAME_CELLS


@pytest.mark.parametrize("me", ["a", "b"])
def test_compared_records_are_judged_by_each_owner_too(me: str) -> None:
    def compared(a: str | None = None, b: str | None = None) -> Release:
        params = {"fields": [{"type": "name", "columns": {"a": "id", "b": "id"}}], "threshold": "0.7"}
        params |= {"output": "count", "identify": {"a": "id", "b": "id"}}
        return released(where(a, b), protocol="record-linkage", params=params)

    other = "b" if me == "a" else "a"
    apart = ({other: "year = 2001"}, {other: "year = 2002"})
    assert both(compared(**apart[0]), compared(**apart[1]), me) is Side.RELATED
    assert both(compared(**apart[0]), compared(**apart[1] | {me: "age != 101"}), me) is Side.UNCLEAR
    assert both(compared(**apart[0]), linked(**apart[1] | {me: "age != 101"}), me) is Side.UNCLEAR


def test_registers_in_another_order_are_linked_otherwise() -> None:
    def compared(*order: str) -> Release:
        parties = {name: {"dataset": "people"} for name in order}
        params = {"fields": [{"type": "name", "columns": dict.fromkeys(order, "id")}], "output": "count"}
        return released(parties, protocol="record-linkage", params=params)

    assert both(compared("a", "b", "c"), compared("a", "b", "c")) is Side.SAME_CELLS
    assert both(compared("a", "b", "c"), compared("b", "a", "c")) is Side.RELATED


def test_another_key_or_another_rule_for_repeated_ones_links_others() -> None:
    other = {
        "a": {"dataset": "people", "key": ["id", "born"]},
        "b": {"dataset": "people", "key": ["id", "born"]},
        "c": {},
    }
    assert both(linked(), linked(parties=other)) is Side.RELATED
    assert links_otherwise(linked(), linked(parties=other))
    turned = {name: part | ({"key": ["born", "id"]} if part else {}) for name, part in other.items()}
    assert not links_otherwise(linked(parties=other), linked(parties=turned))
    ruled = {
        "a": {"dataset": "people", "key": "id", "duplicates": {"region": "max"}},
        "b": {"dataset": "people", "key": "id"},
        "c": {},
    }
    assert both(linked(), linked(parties=ruled)) is Side.RELATED


def test_compared_records_are_linked_otherwise_by_another_threshold_but_not_for_another_output() -> None:
    def compared(**params: Any) -> Release:
        fields = [{"type": "name", "columns": {"a": "id", "b": "id"}}]
        said = {"fields": fields, "output": "count", "identify": {"a": "id", "b": "id"}} | params
        return released(protocol="record-linkage", params=said)

    usual, keyed = compared(), linked()
    same = [{}, {"min_probability": "0.7"}, {"min_probability": "0.70"}, {"match": "one-to-one"}]
    same += [{"output": "links"}, {"report": ["a.sex"]}, {"by": ["a.sex"]}]
    assert not any(links_otherwise(usual, compared(**more)) for more in same)
    prepared = [{"type": "name", "columns": {"a": "id", "b": "id"}, "prepare": ["transliterate"]}]
    for other in ({"min_probability": "0.71"}, {"threshold": "0.7"}, {"fields": prepared}):
        assert links_otherwise(usual, compared(**other))
        assert both(usual, compared(**other)) is Side.RELATED
    assert links_otherwise(usual, keyed)
    assert links_otherwise(keyed, usual)
    assert not links_otherwise(keyed, keyed.model_copy(update={"links": None}))
    assert links_otherwise(usual, compared(output="links").model_copy(update={"links": None})), "of an older version"
    assert not links_otherwise(usual, usual.model_copy(update={"links": None}))
    assert not links_otherwise(released(), usual)
    three = released(owners("a", "b", "c"), protocol="overlap", params={})
    assert not links_otherwise(keyed, three), "with other company"


def owners(*names: str, **filters: str) -> dict[str, Any]:
    return {name: {"dataset": "people", "key": "id", "where": filters.get(name)} for name in names}


def test_overlaps_of_three_share_the_pairs_that_leave_an_owner_out() -> None:
    def overlap(**filters: str) -> Release:
        return released(owners("a", "b", "c", **filters), protocol="overlap", params={})

    assert both(overlap(), overlap()) is Side.SAME_CELLS
    years = overlap(a="year = 2024"), overlap(a="year = 2025")
    assert [both(*years, me) for me in "abc"] == [Side.APART, Side.RELATED, Side.RELATED]  # b with c is in both
    assert both(years[0], overlap(a="year = 2025", b="age != 101"), "b") is Side.UNCLEAR
    every = [overlap(**dict.fromkeys("abc", f"year = {year}")) for year in (2024, 2025)]
    assert both(*every) is Side.APART
    pair = released(owners("a", "b") | {"c": {}}, protocol="overlap", params={})
    assert both(pair, overlap()) is Side.RELATED
    assert both(pair, linked()) is Side.RELATED


def test_other_statistics_of_the_same_cells_are_allowed() -> None:
    def wages(measures: list[str], **more: Any) -> Release:
        params = {"by": ["a.region"], "measures": measures} | more
        return released(owners("a", "b") | {"c": {}}, protocol="linked-statistics", params=params)

    assert both(wages(["b.wage"]), wages(["b.age"])) is Side.SAME_CELLS
    assert both(wages(["b.wage"]), linked()) is Side.SAME_CELLS
    assert both(wages(["b.wage"]), wages(["b.wage"], by=[])) is Side.RELATED


def test_other_columns_beside_anothers_are_more_equations_about_it() -> None:
    """Two own columns that differ in one person tell that person's value, in two jobs as in one."""

    def asked(receivers: tuple[str, ...] = ("coordinator",), **params: Any) -> Release:
        parties = owners("a", "b") | {"c": {}}
        given = {"by": ["a.region"]} | params
        return released(parties, protocol="linked-statistics", params=given, receivers=list(receivers))

    def r(*pairs: tuple[str, str]) -> dict[str, Any]:
        return {"correlations": [list(pair) for pair in pairs]}

    wage, age, year = (("b.wage", f"a.{name}") for name in ("wage", "age", "year"))
    assert both(asked(**r(wage)), asked(**r(age))) is Side.RELATED
    assert both(asked(**r(wage)), asked(**r(wage[::-1]))) is Side.SAME_CELLS
    assert both(asked(**r(wage)), asked(**r(wage, age))) is Side.SAME_CELLS, "the second alone tells as much"
    assert both(asked(**r(wage, age)), asked(**r(wage, year))) is Side.RELATED
    mean = {"measures": ["b.wage"]}
    assert both(asked(**mean), asked(**mean, weight="a.age")) is Side.SAME_CELLS, "one column beside the wage"
    assert both(asked(**mean, weight="a.age"), asked(**r(year))) is Side.RELATED
    assert both(asked(**mean), asked(**r(age))) is Side.SAME_CELLS
    assert both(asked(**mean, weight="a.wage"), asked(**mean, weight="a.age")) is Side.RELATED
    assert both(asked(**mean), asked(**mean, **r(age))) is Side.SAME_CELLS
    # Means of one's own columns are equations about who is linked; of columns that no receiver knows they are not.
    assert both(asked(("a",), measures=["a.wage"]), asked(measures=["a.age"])) is Side.RELATED
    assert both(asked(("b",), measures=["a.wage"]), asked(("b",), measures=["a.age"])) is Side.SAME_CELLS
    # Whose groups are closed decides which cells are hidden.
    assert both(asked(("b",), measures=["a.wage"]), asked(measures=["a.age"])) is Side.RELATED
    unknown = asked(**r(wage)).model_copy(update={"equations": None})
    assert both(asked(**r(wage)), unknown) is Side.RELATED
    assert both(linked(), unknown) is Side.SAME_CELLS


def test_other_measures_of_a_left_join_of_three_are_of_other_rows() -> None:
    """Σ over the rows that b has, less Σ over those that c has too, may be one person's: in one job each looks at the
    other, in two nobody does."""

    def wages(*names: str, join: str = "left", **params: Any) -> Release:
        asked = {"by": ["a.region"], "measures": ["b.wage"]} | params
        others = {} if "c" in names else {"c": {}}
        link = {"join": join}
        return released(owners(*names) | others, protocol="linked-statistics", params=asked, link=link)

    pairs = {"measures": [], "correlations": [["b.wage", "c.wage"]]}
    assert both(wages("a", "b", "c"), wages("a", "b", "c", **pairs)) is Side.RELATED
    assert both(wages("a", "b", "c"), wages("a", "b", "c", weight="c.age")) is Side.RELATED
    assert both(wages("a", "b", "c"), wages("a", "b", "c")) is Side.SAME_CELLS
    assert both(wages("a", "b"), wages("a", "b", measures=["b.age"])) is Side.SAME_CELLS
    assert both(wages("a", "b", "c", join="inner"), wages("a", "b", "c", join="inner", **pairs)) is Side.SAME_CELLS


def test_any_order_of_jobs_leaves_cells_that_cant_be_subtracted() -> None:
    """Brute force: of all filters on a small domain, in random order, whatever passes has pairwise the same or no rows;
    then no sum and difference of released cells is a set of rows that isn't made of released cells."""
    texts = [f"age between {low} and {high}" for low in range(4) for high in range(low, 4)]
    passed: list[tuple[set[int], Release]] = []
    for text in sorted(texts, key=lambda text: text[::-1]):
        rows = {age for age in range(121) if eval_between(text, age)}
        new = released(where(text, text))
        if all(strictest(new, old) in (Side.APART, Side.SAME_CELLS) for _, old in passed):
            assert all(rows == other or not rows & other for other, _ in passed)
            passed.append((rows, new))
    assert passed


def eval_between(text: str, age: int) -> bool:
    low, high = (int(word) for word in text.split()[2::2])
    return low <= age <= high


def test_rows_can_be_compared_where_one_partys_filter_says_the_same() -> None:
    assert same_rows("a", released(), linked(b="age < 25"))
    assert not same_rows("b", released(), linked(b="age < 25"))
    assert not same_rows("c", released(), released())
    assert not same_rows("a", released(), released(declared={"missing": "drop"}))


@pytest.mark.parametrize("how", [{"normalise": ["trim"]}, {"zeros": "strip"}, {"length": 9}, {"pattern": "p.*"}])
def test_r26_keys_that_are_written_otherwise_link_a_few_others(how: dict[str, Any]) -> None:
    """The values of the column are as they were, so that no fingerprint tells."""
    columns = DECLARED["columns"] | {"id": {"kind": "key"} | how}
    assert both(linked(), linked(declared={"columns": columns})) is Side.UNCLEAR
    assert not same_rows("a", linked(), linked(declared={"columns": columns}))
    assert both(released(), released(declared={"columns": columns})) is Side.SAME_CELLS


def test_r26_the_order_of_categories_decides_which_is_the_greatest_of_a_key() -> None:
    parties = {name: {"dataset": "people", "key": "id"} for name in "ab"} | {"c": {}}
    parties["a"] |= {"duplicates": {"region": "max"}}
    columns = DECLARED["columns"] | {"region": {"kind": "category", "values": ["South", "North"]}}
    assert both(linked(parties=parties), linked(parties=parties)) is Side.SAME_CELLS
    assert both(linked(parties=parties), linked(parties=parties, declared={"columns": columns})) is Side.UNCLEAR


def test_r26_a_line_from_before_keys_were_recorded_is_read_and_lies_unclear() -> None:
    said = linked().model_dump(mode="json")
    for part in said["parts"]:
        del part["linked"]
    old = validate(said, Release, "ledger")
    assert both(linked(), old) is Side.UNCLEAR
    assert (
        both(
            linked("age < 25"),
            validate(
                said
                | {
                    "parts": [
                        p | {"where": "age >= 25", "columns": {"age": DECLARED["columns"]["age"]}}
                        for p in said["parts"]
                    ]
                },
                Release,
                "ledger",
            ),
        )
        is Side.APART
    )
