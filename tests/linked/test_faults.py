"""What is wrong with a linked job is all said at once, before anything starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.linked import counted, plan

STATISTICS = "params: {by: [edu.level], measures: [tax.income]}\n"
WEL = {"wel": "{dataset: d, key: id}"}
REGRESSION = "params: {outcome: tax.income, predictors: [edu.age, edu.level]}\n"


def faults(made, threshold: int = 1) -> list[str]:
    with pytest.raises(SpecError) as caught:
        made.check(threshold)
    return caught.value.faults


@pytest.mark.parametrize(
    ("protocol", "rest", "parties"),
    [
        ("overlap", "", {}),
        ("overlap", "disclosure: {round_to: 5}", {}),
        ("overlap", "", {"wel": "{dataset: d, key: id}"}),
        ("overlap", "", {"tax": "{dataset: d, key: id, duplicates: {}}"}),
        ("overlap", "", {"tax": "{dataset: d, key: [id, born]}", "edu": "{dataset: d, key: [name, born]}"}),
        ("linked-count", "params: {by: [edu.level, tax.region]}\nlink: {join: left}", {}),
        ("linked-count", "", {}),
        ("linked-statistics", STATISTICS, {"tax": "{dataset: d, key: id, duplicates: {income: sum}}"}),
        (
            "linked-statistics",
            STATISTICS,
            {"edu": "{dataset: d, key: id, where: year > 2000, duplicates: {level: max}}"},
        ),
        ("linked-statistics", "params: {correlations: [[tax.income, edu.age]], weight: tax.weight}", {}),
        ("linked-regression", REGRESSION, {}),
        ("overlap", "link: {method: oblivious}", {}),
        ("overlap", "link: {method: oblivious, matcher: stat}", WEL),
        ("linked-count", "params: {by: [edu.level]}\nlink: {method: oblivious, join: left}", WEL),
        ("linked-regression", REGRESSION + "link: {method: oblivious}", {}),
    ],
)
def test_sound_jobs_pass(case, protocol: str, rest: str, parties: dict[str, str]) -> None:
    made = case(protocol, rest, parties)
    made.check()
    assert check.result_tables(made.job, made.manifest, made.declarations)


@pytest.mark.parametrize(
    ("protocol", "rest", "parties", "says"),
    [
        ("overlap", "", {"edu": "{}"}, "1 have a dataset; a linked job needs 2 to 5"),
        ("overlap", "", {"edu": "{dataset: d}"}, "parties.edu.key: missing"),
        ("overlap", "", {"edu": "{dataset: d, key: [id, born]}"}, "same number of columns"),
        ("linked-count", "params: {by: [edu.level]}", {"edu": "{dataset: d, key: nobody}"}, "has no column nobody"),
        ("overlap", "", {"tax": "{dataset: d, key: income}"}, "income is a decimal, which can't identify"),
        ("overlap", "", {"tax": "{dataset: d, key: born}"}, "tax.born as date; edu.id as text"),
        ("overlap", "link: {join: left}", {}, "overlap can't be joined left"),
        ("overlap", "link: {matcher: edu}", {}, "edu owns one of the two lists"),
        ("overlap", "link: {matcher: nobody}", {}, "nobody is no party of the job"),
        ("overlap", "link: {matcher: stat}", WEL, "matcher of its own; leave it out"),
        ("overlap", "link: {method: oblivious, size_noise: off}", {}, "nobody sees how many match; leave it out"),
        ("overlap", "link: {method: oblivious, matcher: edu}", WEL, "edu owns one of the two lists"),
        ("overlap", "params: {by: [edu.level]}", {}, "overlap has no such parameter"),
        ("linked-count", "params: {by: [edu.age]}", {}, "edu.age is an integer; it must be a category"),
        ("linked-count", "params: {by: [edu.level, edu.level]}", {}, "a column stands twice"),
        ("linked-count", "params: {by: [level]}", {}, "with its party, such as tax.income"),
        ("linked-count", "params: {by: [stat.level]}", {}, "stat brings no data"),
        ("linked-count", "params: {by: [who.level]}", {}, "who is no party of the job"),
        ("linked-count", "params: {by: [edu.levels]}", {}, "has no such column"),
        ("linked-count", "params: {by: [wel.note]}\nlink: {join: left}", WEL, "(no match)"),
        ("linked-statistics", STATISTICS + "disclosure: {round_to: 5}", {}, "exact counts and sums"),
        ("linked-statistics", "params: {measures: [edu.born]}", {}, "edu.born is a date; it must be a number"),
        ("linked-statistics", "params: {by: [edu.level], measures: [edu.level]}", {}, "both a category and a number"),
        ("linked-statistics", "params: {correlations: [[tax.income]]}", {}, "expected a list of pairs"),
        ("linked-statistics", "params: {correlations: [[edu.age, edu.age]]}", {}, "edu.age with itself"),
        ("linked-statistics", "params: {correlations: [[edu.age, tax.weight], [tax.weight, edu.age]]}", {}, "twice"),
        ("linked-statistics", "params: {measures: [edu.age], weight: tax.income}", {}, "may be negative"),
        ("linked-statistics", "params: {measures: [edu.age], weight: edu.age}", {}, "both weight and measure"),
        ("linked-statistics", "params: {measures: [tax.wide], weight: tax.weight}", {}, "tax.wide.xx could reach 2^"),
        ("linked-statistics", STATISTICS, {"tax": "{dataset: d, key: id, duplicates: {}}"}, "no rule for income"),
        (
            "linked-statistics", STATISTICS,
            {"tax": "{dataset: d, key: [born, id]}", "edu": "{dataset: d, key: [born, name]}"},
            "edu adds `unique: [[born, name]]` to d in datasets.yaml; if not, the job adds `duplicates: {level: sum |",
        ),
        ("linked-statistics", STATISTICS, {"edu": "{dataset: d, key: id, duplicates: {level: sum}}"},
         "level is a category, of which there is no sum"),
        ("linked-regression", REGRESSION + "link: {join: left}", {}, "can't be joined left"),
        ("linked-regression", "params: {outcome: edu.age, predictors: [edu.age]}", {}, "both outcome and predictor"),
        ("linked-regression", "params: {outcome: tax.income, predictors: [tax.kind]}", {}, "has one value only"),
        ("linked-regression", "params: {outcome: edu.level, predictors: [edu.age]}", {}, "it must be a number"),
        ("linked-regression", "params: {predictors: [edu.age]}", {}, "params.outcome: missing"),
        ("joint-count", "params: {by: [id]}\nlink: {}", {}, "link: protocol joint-count doesn't link rows"),
        ("joint-count", "params: {by: [id]}", {}, "parties.tax.key: protocol joint-count doesn't link rows"),
        ("joint-count", "params: {by: [id]}", {"tax": "{dataset: d, key: id, duplicates: {}}"}, "tax.duplicates"),
    ],
)  # fmt: skip
def test_each_fault_is_named(case, protocol: str, rest: str, parties: dict[str, str], says: str) -> None:
    found = faults(case(protocol, rest, parties))
    assert any(says in fault for fault in found), found


@pytest.mark.parametrize(("params", "more", "says"), [
    ("{measures: [tax.income, tax.weight]}", "", "tax.income and tax.weight are tax's, who gets the result"),
    ("{correlations: [[tax.income, edu.age], [tax.weight, edu.age]]}", "", "tax.income and tax.weight are tax's"),
    ("{measures: [edu.age], weight: tax.weight}", "", "params.weight: not with tax.weight, as tax gets the result"),
    ("{measures: [tax.income], weight: edu.age}", "", "params.weight: not with tax.income"),
    ("{measures: [tax.weight]}", "disclosure: {dominance: 10}", "dominance: not with tax.weight, as tax gets"),
])  # fmt: skip
def test_numbers_of_a_receiver_that_steps_cannot_bound_are_refused(case, params: str, more: str, says: str) -> None:
    made = case("linked-statistics", f"params: {params}\n{more}")
    made.check()
    mine = replace(made, job=made.job.model_copy(update={"receivers": ("tax",)}))
    assert [says in fault for fault in faults(mine)] == [True]


def test_a_job_says_whose_numbers_are_in_steps_and_who_must_be_named(case) -> None:
    made = case("linked-statistics", "params: {correlations: [[tax.income, edu.age]]}\ndisclosure: {numbers: 12}")
    mine = replace(made, job=made.job.model_copy(update={"receivers": ("tax",)}))
    steps, named = counted.sentences(mine.job, mine.manifest, mine.declarations, 1)[-2:]
    assert "tax gets the result and knows tax.income" in steps
    assert "more than 16 times as wide" in steps
    assert ": edu could find" in named
    assert ": tax or edu could find" in counted.sentences(made.job, made.manifest, made.declarations, 1)[-1]


def test_a_protocol_names_the_methods_by_which_it_links(case) -> None:
    made = case("overlap", "link: {method: oblivious}")
    only = made.manifest.model_copy(update={"methods": ("matcher",)})
    assert plan.faults(made.job, only) == ["link.method: overlap can't be linked by oblivious; it can by matcher"]
    assert plan.faults(made.job, made.manifest) == []


@pytest.mark.parametrize(("text", "says"), [
    ("year >", "parties.edu.where: character 7: expected a value"),
    ("year = 'x'", "parties.edu.where: character 1: year is an integer"),
])  # fmt: skip
def test_a_fault_of_where_names_the_party(case, text: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        case("overlap", "", {"edu": f"{{dataset: d, key: id, where: {text}}}"}).check()
    assert [fault[: len(says)] for fault in caught.value.faults] == [says]


def test_all_faults_come_at_once(case) -> None:
    found = faults(case("linked-count", "params: {by: [edu.age, tax.born]}", {"edu": "{dataset: d, key: born}"}))
    assert len(found) == 4
    early = faults(
        case("linked-statistics", "params: {by: [level], x: 1}\nlink: {matcher: edu}", {"edu": "{dataset: d}"})
    )
    assert len(early) == 4


def test_a_threshold_needs_enough_parties(case) -> None:
    assert any("too few" in fault for fault in faults(case("overlap"), threshold=2))


def test_used_columns_say_what_each_serves_for(case) -> None:
    made = case("linked-regression", REGRESSION, {"edu": "{dataset: d, key: id, where: year > 2000}"})
    uses = check.used_columns(made.job, made.manifest, "edu", made.declarations["edu"])
    assert uses == {"age": {"measure"}, "level": {"group"}, "id": {"key"}, "year": {"filter"}}
    assert check.used_columns(made.job, made.manifest, "tax") == {"income": {"measure"}, "id": {"key"}}
    assert check.used_columns(made.job, made.manifest, "stat") == {}
