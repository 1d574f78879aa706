"""Who plays which role when rows are linked."""

from __future__ import annotations

import itertools

import pytest

from mpcgov.jobs.audience import leaks
from mpcgov.linked.plan import LinkPlan, Spoke, link_plan

OWNERS = ["tax", "edu", "wel", "o4", "o5"]


def plan(case, protocol: str, owners: int, parties: int, rest: str = "", threshold: int = 1) -> LinkPlan:
    names = dict.fromkeys(OWNERS[:owners], "{dataset: d, key: id}")
    names |= {f"p{i}": "{}" for i in range(parties - owners)}
    made = case(protocol, rest, {"tax": "", "edu": "", "stat": ""} | names)
    return link_plan(made.job, made.manifest, threshold)


@pytest.mark.parametrize(("owners", "parties"), [(k, m) for k in range(2, 6) for m in range(max(3, k), 8)])
@pytest.mark.parametrize("protocol", ["overlap", "linked-count"])
def test_every_spoke_has_a_third_party_and_nobody_matches_two_of_a_star(case, protocol, owners, parties) -> None:
    stars = plan(case, protocol, owners, parties).stars
    for star in stars:
        matchers = [spoke.matcher for spoke in star.spokes]
        assert len(set(matchers)) == len(matchers)
        assert all(len({spoke.left, spoke.other, spoke.matcher}) == 3 for spoke in star.spokes)
        assert {spoke.left for spoke in star.spokes} == {star.left}


def test_a_star_has_one_spoke_for_each_other_owner_and_cyclic_matchers(case) -> None:
    (star,) = plan(case, "linked-count", 4, 4).stars
    assert star.spokes == (
        Spoke("tax", "edu", "wel"),
        Spoke("tax", "wel", "o4"),
        Spoke("tax", "o4", "edu"),
    )


def test_three_owners_need_no_fourth_party(case) -> None:
    (star,) = plan(case, "linked-count", 3, 3).stars
    assert star.spokes == (Spoke("tax", "edu", "wel"), Spoke("tax", "wel", "edu"))


def test_overlaps_have_a_spoke_for_every_two_owners(case) -> None:
    for owners in range(2, 6):
        spokes = [spoke for star in plan(case, "overlap", owners, 6).stars for spoke in star.spokes]
        pairs = [(spoke.left, spoke.other) for spoke in spokes]
        assert pairs == list(itertools.combinations(OWNERS[:owners], 2))


def test_the_matcher_of_two_owners_is_the_one_named_else_one_without_data(case) -> None:
    assert plan(case, "overlap", 2, 4).stars[0].spokes[0].matcher == "p0"
    assert plan(case, "overlap", 2, 4, "link: {matcher: p1}").stars[0].spokes[0].matcher == "p1"


def test_the_left_owner_of_two_is_the_one_with_the_shorter_list_ties_in_job_order(case) -> None:
    inner = plan(case, "linked-count", 2, 3)
    assert inner.settled({"tax": 200, "edu": 100}).stars[0].spokes == (Spoke("edu", "tax", "p0"),)
    assert inner.settled({"tax": 100, "edu": 100}).stars[0].spokes == (Spoke("tax", "edu", "p0"),)
    left = plan(case, "linked-count", 2, 3, "link: {join: left}")
    assert left.settled({"tax": 200, "edu": 100}).stars[0].left == "tax"


def test_the_reasons_are_told(case) -> None:
    notes = "\n".join(plan(case, "linked-count", 2, 3).notes)
    assert "p0 matches tax with edu: it has no data in the job" in notes
    assert "143 dummy rows" in notes
    assert "together learn" not in notes
    assert "any two of a spoke's three parties together learn" in "\n".join(
        plan(case, "overlap", 2, 5, threshold=2).notes
    )
    off = plan(case, "overlap", 2, 3, "link: {size_noise: off}")
    assert off.dummies == 0
    assert "learns exactly how many" in "\n".join(off.notes)


def test_with_the_oblivious_method_one_party_without_data_helps_in_every_spoke(case) -> None:
    link = "link: {method: oblivious}"
    for owners in range(2, 6):
        for star in plan(case, "overlap", owners, owners + 1, link).stars:
            assert {spoke.matcher for spoke in star.spokes} == {"p0"}
    for star in plan(case, "overlap", 4, 4, link).stars:
        assert all(len({spoke.left, spoke.other, spoke.matcher}) == 3 for spoke in star.spokes)
    named = plan(case, "overlap", 3, 5, "link: {method: oblivious, matcher: p1}")
    assert {spoke.matcher for star in named.stars for spoke in star.spokes} == {"p1"}


def test_nobody_is_said_to_learn_how_many_match_with_the_oblivious_method(case) -> None:
    made = plan(case, "linked-count", 3, 5, "link: {method: oblivious}", threshold=2)
    notes = "\n".join(made.notes)
    assert made.dummies == 0
    assert "p0 helps to match tax with edu: it has no data in the job" in notes
    assert "nobody learns how many keys two owners have in common" in notes
    assert "together learn who is linked, although the threshold is 2" in notes


def test_what_a_matcher_learns_is_no_leakage_of_the_oblivious_method(case) -> None:
    for link, learns in (("matcher", True), ("oblivious", False)):
        made = case("overlap", f"link: {{method: {link}}}")
        said = "\n".join(leaks(made.job, made.manifest, 1))
        assert ("comparing tags" in said) == learns
        assert "how many keys each owner's data set has" in said


def test_differently_normalised_keys_are_pointed_out(case) -> None:
    made = case("overlap")
    assert any("tax: trim and casefold; edu: as they are" in note
               for note in link_plan(made.job, made.manifest, 1, made.declarations).notes)  # fmt: skip
