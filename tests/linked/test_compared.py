"""Jobs that compare records: what they may ask for, in one line each where they may not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isqrt

import pytest

from mpcgov.coordinator.plan import job_cost
from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.jobs.audience import leaks
from mpcgov.linked import blocks, layout
from mpcgov.linked.comparing import comparing, rows_first
from mpcgov.linked.encoding import MOST_PAIRS
from mpcgov.linked.facts import Linked
from mpcgov.linked.plan import link_plan

FIELDS = "fields: [{type: name, columns: {tax: kind, edu: name}}, {type: date, columns: {tax: born, edu: born}}]"
BLOCKS = "blocks: [{{type: {}, columns: {{tax: {}, edu: {}}}}}]"
MANY_BLOCKS = BLOCKS.format("year", "born", "born")[:-1] + ", {type: value, columns: {tax: wide, edu: age}}]"
PARTIES = {"tax": "{dataset: d}", "edu": "{dataset: d}"}


def job(case, params="", parties=None, rest="", threshold='"0.65"'):
    text = f"params: {{{FIELDS}, threshold: {threshold}{', ' if params else ''}{params}}}\n{rest}"
    return case("record-linkage", text, PARTIES | (parties or {}))


def linked(found) -> Linked:
    return Linked.of(found.job, found.manifest, found.declarations)


def test_a_sound_job_has_the_tables_of_its_output(case):
    for output, names in {
        "": ["count"],
        "output: count, by: [edu.level]": ["count"],
        "output: statistics, measures: [tax.income]": ["statistics"],
        "output: statistics, correlations: [[tax.income, edu.age]]": ["statistics", "correlation"],
        "output: links, identify: {tax: id, edu: id}": ["count", "links"],
        "report: [tax.region, edu.level]": ["count", "match_rate", "doubtful"],
    }.items():
        found = job(case, output)
        found.check()
        assert [table.name for table in layout.tables(linked(found))] == names
    assert linked(found).asked.threshold == Fraction(13, 20)


def test_what_is_used_for_what_is_in_the_uses(case):
    found = job(case, "output: links, identify: {tax: id, edu: id}, report: [edu.level]")
    assert check.used_columns(found.job, found.manifest, "edu") == {
        "name": {"key"}, "born": {"key"}, "level": {"group"}, "id": {"identify"},
    }  # fmt: skip
    found = job(case, "output: count, identify: {tax: id, edu: id}")
    assert check.used_columns(found.job, found.manifest, "tax")["id"] == {"key"}


def test_links_are_as_many_as_the_shorter_list_or_the_pairs_allow(case):
    found = job(case, "output: links, identify: {tax: id, edu: id}")
    links = layout.tables(linked(found))[1]
    assert links.columns == ("tax.id", "edu.id")
    assert links.rows == 5000
    assert [one.gate for one in links.opened] == ["count.count", "count.count"]


@pytest.mark.parametrize(("match", "rows", "most"), [("many-to-one", "tax", 8192), ("one-to-many", "edu", 5000)])
def test_where_several_may_be_linked_to_one_their_owner_has_the_rows(case, match, rows, most):
    params = f"params: {{{FIELDS}, match: {match}, output: links, identify: {{tax: id, edu: id}}}}"
    found = case("record-linkage", params, PARTIES)
    found.check()
    assert layout.tables(linked(found))[1].rows == most
    asked, places = linked(found).asked, {"tax": 0, "edu": 1}
    for lengths in ({0: 100, 1: 200}, {0: 200, 1: 100}, {1: 100, 0: 100}):
        assert rows_first(asked, lengths)[0] == places[rows]
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any(f"{match}: several records of {rows}, which has the rows" in one for one in notes)


def test_where_several_may_be_linked_to_one_a_block_has_only_so_many_rows():
    blocks.check_pairs(1, (8192, 100), divided=False)
    with pytest.raises(SpecError, match="8,300 records of the owner that has the rows; at most 8,192"):
        blocks.check_pairs(1, (8300, 100), divided=False)
    with pytest.raises(SpecError, match="9,000 records in a block of the owner that"):
        blocks.check_pairs(4, (9000, 100), divided=True)
    assert blocks.most_matches([4], 10**9, one_to_one=False) == 4 * 8192
    assert isqrt(MOST_PAIRS) < blocks.MOST_SEVERAL  # so that the shorter of two lists never has more


def test_passes_link_no_more_than_the_pairs_of_all_of_them_allow():
    assert [blocks.most_matches(passes, 10**9) for passes in ([1], [2], [1, 1])] == [5477, 10954, 10954]
    assert blocks.most_matches([100], 10**9) == blocks.most_matches([40, 60], 10**9) == isqrt(100 * 10**9)
    assert blocks.most_matches([40, 60], 1000) == 1000


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ("match: many-to-one", "many-to-one is for min_probability and output links"),
        ("match: one-to-many, output: statistics, measures: [tax.income]", "is for min_probability and output links"),
        (
            'match: one-to-many, threshold: "0.7", output: links, identify: {tax: id, edu: id}',
            "is for min_probability and output links",
        ),
        (
            "match: many-to-many, output: links, identify: {tax: id, edu: id}",
            "params.match: expected one-to-one, one-to",
        ),
    ],
)
def test_persons_are_counted_only_where_each_is_in_one_link(case, params, fault):
    with pytest.raises(SpecError) as error:
        case("record-linkage", f"params: {{{FIELDS}, {params}}}", PARTIES).check()
    assert any(fault in one for one in error.value.faults), error.value.faults
    case("record-linkage", f"params: {{{FIELDS}, match: one-to-one}}", PARTIES).check()


def test_numbers_are_compared_only_if_both_have_as_many_places(case):
    fields = "fields: [{{type: number, columns: {{tax: {}, edu: age}}}}]"
    with pytest.raises(SpecError, match=r"params\.fields\[0\]: numbers with different places"):
        case("record-linkage", f"params: {{{fields.format('income')}, threshold: 1}}", PARTIES).check()
    case("record-linkage", f"params: {{{fields.format('wide')}, threshold: 1}}", PARTIES).check()


@pytest.mark.parametrize(("type_", "characters"), [("number", "digits"), ("date", "digits"), ("name", None)])
def test_a_category_is_compared_only_by_characters_that_its_values_have(case, type_, characters):
    fields = f"fields: [{{type: {type_}, columns: {{tax: region, edu: level}}}}]"
    found = case("record-linkage", f"params: {{{fields}}}", PARTIES)
    if characters is None:
        found.check()
        return
    with pytest.raises(SpecError, match=rf"params\.fields\[0\]: tax\.region is a category without {characters}"):
        found.check()


def test_the_plan_says_that_nobody_matches(case):
    found = job(case)
    plan = link_plan(found.job, found.manifest, 1)
    assert plan.stars == ()
    assert "all records of tax are compared with all of edu" in plan.notes[0]


@pytest.mark.parametrize(
    ("params", "parties", "rest", "fault"),
    [
        ("by: [tax.income]", {}, "", "tax.income is a decimal; it must be a category"),
        ("report: [tax.income]", {}, "", "tax.income is a decimal; it must be a category"),
        ("measures: [tax.income]", {}, "", "are for output statistics"),
        ("output: links", {}, "", "params.identify: missing"),
        ("output: links, identify: {tax: id, edu: nothing}", {}, "", "edu.nothing: data set d has no such column"),
        ("output: links, identify: {tax: id}", {}, "", "expected one column of each of tax, edu"),
        ("output: links, identify: {tax: id, edu: id}, by: [edu.level]", {}, "", "output links has no cells"),
        ("output: pairs", {}, "", "expected count, statistics, links"),
        ("by: [edu.level], report: [tax.region]", {}, "", "params.report: not beside by"),
        (
            "report: [tax.region, edu.level, tax.income, edu.age, tax.kind, edu.name, tax.born, edu.born, tax.id]",
            {},
            "",
            "params.report: expected 0 to 8 columns, found 9",
        ),
        ("report: [tax.region, tax.region]", {}, "", "params.report: a column stands twice"),
        ("", {"tax": "{dataset: d, key: id}"}, "", "parties.tax.key: record-linkage compares records without one"),
        ("dedupe: true", {}, "", "an owner finds duplicates in its own list, by mpcgov node dataset duplicates"),
        ('min_probabilty: "0.9"', {}, "", "no such parameter; did you mean min_probability?"),
        ("blocks: []", {}, "", "expected 1 to 4 blocks, found 0"),
        ("blocks: born", {}, "", "expected a list of blocks, such as {type: value"),
        (BLOCKS.format("month", "born", "born"), {}, "", "params.blocks[0].type: expected value, year"),
        (BLOCKS.format("year", "born", "level"), {}, "", "years are of dates, or of integers that are years"),
        (BLOCKS.format("value", "born", "born"), {}, "", "values are of two categories or of two integers"),
        (BLOCKS.format("value", "weight", "level"), {}, "", "values are of two categories or of two integers"),
        (BLOCKS.format("value", "region", "level"), {}, "", "declared without a value in common"),
        (BLOCKS.format("value", "born", "nothing"), {}, "", "edu.nothing: data set d has no such column"),
        (MANY_BLOCKS, {}, "", "params.blocks: 15,246 blocks; at most 10,000"),
        ("exact: [tax.income]", {}, "", "params.exact: expected columns of params.fields"),
        ("exact: [tax.born, edu.born]", {}, "", "params.exact: expected columns of params.fields, of each field one"),
        ("exact: born", {}, "", "params.exact: expected a list of columns"),
        ("", {}, "link: {join: inner}", "link: record-linkage compares records"),
        ("", {}, "disclosure: {min_count: 10, round_to: 5}", "disclosure.round_to"),
        ("output: statistics, weight: tax.income", {}, "", "may be negative"),
    ],
)
def test_what_a_job_may_not_ask_is_said_in_one_line(case, params, parties, rest, fault):
    with pytest.raises(SpecError) as error:
        job(case, params, parties, rest).check()
    assert any(fault in one for one in error.value.faults), error.value.faults


THREE = "fields: [{type: code, columns: {tax: id, edu: id, wel: id}}]"
OWNERS = PARTIES | {"wel": "{dataset: d}"}


def three(case, params="", more=None):
    return case("record-linkage", f"params: {{{THREE}{', ' if params else ''}{params}}}", OWNERS | (more or {}))


def test_a_sound_job_of_three_registers_is_about_the_first_with_each_of_the_others(case):
    found = three(
        case, "by: [tax.region, wel.note], blocks: [{type: value, columns: {tax: weight, edu: age, wel: benefit}}]"
    )
    found.check()
    assert linked(found).block_counts == (10,)  # what all three declare
    count, quality = layout.tables(linked(found))
    assert (count.name, quality.name) == ("count", "quality")  # how many links are how probable would tell of few
    assert quality.columns == ("link", "estimated", "percent")
    assert quality.domain[0] == ("tax with edu", "tax with wel")
    assert comparing(found.job, ("tax", "wel")) == ("tax", "stat", "wel")
    assert rows_first(linked(found).asked, {0: 900, 1: 100, 2: 200}) == [0, 1, 2]
    notes = " ".join(link_plan(found.job, found.manifest, 1, found.declarations).notes)
    assert "tax, the first party with data, is linked with each of the others by itself" in notes
    assert "edu and wel aren't compared with each other" in notes


def test_of_three_registers_nobody_who_brings_records_is_told_estimates(case):
    """They are about all links of two registers, of which a group names only some."""
    found = three(case, "output: links, identify: {tax: id, edu: id, wel: id}")
    found = replace(found, job=found.job.model_copy(update={"receivers": ("edu",)}))
    found.check()
    assert [table.name for table in layout.tables(linked(found))] == ["count", "links"]
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any("estimated precision and recall are left out" in one for one in notes)


def test_three_registers_cost_as_much_as_the_first_with_each_of_the_others(case):
    def cost(found):
        rounds, sent, _ = job_cost(found.job, found.manifest, found.declarations, 1)
        return rounds, sent

    fields = "fields: [{type: code, columns: {tax: id, edu: id}}]"
    two, more = cost(case("record-linkage", f"params: {{{fields}}}", PARTIES | {"wel": "{}"})), cost(three(case))
    assert 1.4 * two[0] < more[0] < 2 * two[0]
    assert 1.7 * two[1] < more[1] <= 2 * two[1]


@pytest.mark.parametrize(
    ("params", "more", "fault"),
    [
        ('threshold: "0.8"', {}, "params.threshold: for two registers; three or more are linked by min_probability"),
        (
            "match: many-to-one, output: links, identify: {tax: id, edu: id, wel: id}",
            {},
            "params.match: for two registers; three or more are linked one-to-one",
        ),
        ("report: [tax.region]", {}, "params.report: match rates are of two registers"),
        ("identify: {tax: id, edu: id}", {}, "params.identify: expected one column of each of tax, edu, wel"),
        (
            "blocks: [{type: year, columns: {tax: born, edu: born}}]",
            {},
            "params.blocks[0].columns: expected one column of each of tax, edu, wel",
        ),
        (
            "blocks: [{type: value, columns: {tax: region, edu: level, wel: note}}]",
            {},
            "params.blocks[0]: the columns are declared without a value in common",
        ),
        (
            "",
            dict.fromkeys(("one", "two", "six"), "{dataset: d}"),
            "parties: 6 have a dataset; record-linkage compares the records of 2 to 5",
        ),
    ],
)
def test_what_three_registers_may_not_be_asked_is_said_in_one_line(case, params, more, fault):
    with pytest.raises(SpecError) as error:
        three(case, params, more).check()
    assert [one for one in error.value.faults if fault in one] == [error.value.faults[0]], error.value.faults
    assert len(error.value.faults) == 1, error.value.faults


def test_how_often_a_field_is_equal_is_for_jobs_that_weigh_fields(case):
    field = '{type: name, columns: {tax: kind, edu: name}, m: "0.9"}'
    with pytest.raises(SpecError, match=r"params\.fields: m is for min_probability"):
        case("record-linkage", f'params: {{fields: [{field}], threshold: "0.8"}}', PARTIES).check()
    found = case("record-linkage", f"params: {{fields: [{field}]}}", PARTIES)
    found.check()
    assert linked(found).asked.fields[0].m == Fraction(9, 10)


@pytest.mark.parametrize(
    ("field", "note"),
    [
        (
            "{type: name, columns: {tax: kind, edu: name}, prepare: [particles, titles]}",
            "titles and forms of address are",
        ),
        ('{type: name, columns: {tax: kind, edu: name}, m: "0.875"}', "equal in 87.5 % of pairs of a person"),
        ("{type: date, columns: {tax: wide, edu: year}}", "tax.wide and edu.year are compared by their digits"),
        ("{type: code, columns: {tax: region, edu: level}}", "declared without a value in common"),
        ("{type: text, columns: {tax: born, edu: name}}", "are written differently, as one is declared a date"),
        ("{type: code, columns: {tax: id, edu: id}}", "tax.id's normalise and zeros are for keys"),
    ],
)
def test_the_plan_says_how_fields_are_prepared_and_where_they_can_not_meet(case, field, note):
    found = case("record-linkage", f"params: {{fields: [{field}]}}", PARTIES)
    found.check()
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any(one.startswith("params.fields[0]: ") and note in one for one in notes), notes
    plain = case("record-linkage", f"params: {{{FIELDS}}}", PARTIES)
    assert not [
        one
        for one in link_plan(plain.job, plain.manifest, 1, plain.declarations).notes
        if one.startswith("params.fields")
    ]


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("name, columns: {tax: weight, edu: name}", "tax.weight is an integer, not a name"),
        ("name, columns: {tax: born, edu: name}", "tax.born is a date, not a name"),
        ("date, columns: {tax: income, edu: year}", "tax.income is a decimal, not a date"),
        ("number, columns: {tax: born, edu: age}", "tax.born is a date, not a number"),
        ("name, columns: {tax: kind, edu: name}, prepare: titles", "prepare: expected a list of steps"),
        ("name, columns: {tax: kind, edu: name}, prepare: []", "prepare: expected a list of steps"),
        ("name, columns: {tax: kind, edu: name}, prepare: [soundex]", "no step soundex; there are transliterate"),
        ("name, columns: {tax: kind, edu: name}, prepare: [titles, titles]", "a step stands twice"),
        ("name, columns: {tax: kind, edu: name}, prepare: [address-de]", "address-de is for fields of type text, not"),
        ("name, columns: {tax: kind, edu: name}, prepared: [titles]", "expected type and columns"),
        *[
            (f"name, columns: {{tax: kind, edu: name}}, m: {m}", "params.fields[0].m: expected a number above 0 and")
            for m in ('"1"', "0", '"-0.5"', "yes", "[0.5]", '"0.12345"')
        ],
    ],
)
def test_a_field_that_can_not_be_compared_so_is_refused_in_one_line(case, field, fault):
    with pytest.raises(SpecError) as error:
        case("record-linkage", f"params: {{fields: [{{type: {field}}}]}}", PARTIES).check()
    assert any(fault in one for one in error.value.faults), error.value.faults


def test_blocks_are_of_what_both_owners_declare(case):
    found = job(case, BLOCKS.format("value", "weight", "age")[:-1] + ", {type: year, columns: {tax: born, edu: year}}]")
    found.check()
    (axes,) = linked(found).passes
    assert [list(axis.values) for axis in axes] == [list(range(10)), list(range(1990, 2026))]
    assert check.used_columns(found.job, found.manifest, "edu")["age"] == {"key"}
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any("360 blocks, one for each tax.weight = edu.age and same year of tax.born = edu.year" in n for n in notes)
    assert any("100,800,000 pairs if lists as long as max_rows" in note for note in notes), notes
    rounds, sent, _ = job_cost(found.job, found.manifest, found.declarations, 1)
    turns = -(-360 // 81)  # of blocks of 100 rows
    assert rounds == found.manifest.cost.rounds + (turns - 1) * found.manifest.cost.rounds_per_turn
    assert sent > 2 * 8 * 100_800_000


PASSES = (
    "blocks: [[{type: year, columns: {tax: born, edu: year}}], [{type: value, columns: {tax: weight, edu: age}}, "
    "{type: year, columns: {tax: born, edu: year}}]]"
)


def test_passes_are_each_of_what_both_owners_declare_and_the_plan_says_what_they_come_to(case):
    found = case("record-linkage", f"params: {{{FIELDS}, {PASSES}}}", PARTIES)
    found.check()
    assert linked(found).block_counts == (36, 360)
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any("records of tax are compared with those of edu in the same block of any pass" in note for note in notes)
    assert any(note.startswith("pass 1: 36 blocks, one for each same year of tax.born = edu.year") for note in notes)
    assert any("counts once, in however many passes the two meet" in note for note in notes)
    alone = [
        case("record-linkage", f"params: {{{FIELDS}, blocks: {part}}}", PARTIES)
        for part in (PASSES.removeprefix("blocks: ")[1:-1].split("], [")[0] + "]", "[" + PASSES.split("], [")[1][:-1])
    ]
    costs = [job_cost(one.job, one.manifest, one.declarations, 1) for one in (found, *alone)]
    fixed = found.manifest.cost
    assert costs[0][0] == costs[1][0] + costs[2][0] - fixed.rounds + fixed.rounds_per_turn
    apart = costs[1][1] + costs[2][1]
    assert 0 < apart - costs[0][1] < apart / 10  # what is sent once, whatever is compared


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        (f'{PASSES}, threshold: "0.7"', "params.blocks: several passes are for min_probability"),
        (PASSES.replace("type: year", "type: month"), "params.blocks[0][0].type: expected value, year, day"),
        (PASSES.replace("edu: age}", "edu: name}"), "params.blocks[1][0]: values are of two categories or of two"),
        (PASSES.replace("type: year", "type: day"), "params.blocks[0][0]: days of the year are of dates"),
        ("blocks: [[]]", "params.blocks[0]: expected 1 to 4 blocks, found 0"),
        (f"{PASSES[:-1]}, {PASSES.removeprefix('blocks: ')[1:]}", "params.blocks: a pass stands twice"),
        (
            "blocks: [{0}, {0}, {0}, {0}, {0}]".format("[{type: year, columns: {tax: born, edu: year}}]"),
            "params.blocks: expected at most 4 passes, found 5",
        ),
        (f"{PASSES[:-1]}, {{type: year, columns: {{tax: born, edu: year}}}}]", "params.blocks[0]: expected type and"),
    ],
)
def test_what_is_wrong_with_passes_is_said_in_one_line(case, params, fault):
    with pytest.raises(SpecError) as error:
        case("record-linkage", f"params: {{{FIELDS}, {params}}}", PARTIES).check()
    assert any(one.startswith(fault) for one in error.value.faults), error.value.faults


def test_the_plan_says_who_learns_what_of_exact_pairs(case):
    found = job(case, "exact: [edu.born, tax.kind]")
    found.check()
    assert linked(found).asked.exact_fields == (0, 1)
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any("equal in tax.kind = edu.name and tax.born = edu.born" in n and "EACH OWNER LEARNS" in n for n in notes)
    said = {params: leaks(job(case, params).job, found.manifest, 1) for params in ("", "exact: [tax.born]")}
    added = [one.partition(": ")[0] for one in said["exact: [tax.born]"] if one not in said[""]]
    assert added == ["tax, edu", "stat, comparing tags", "all parties and the coordinator"]


def test_the_plan_says_what_to_do_about_too_many_pairs(case):
    found = job(case)
    notes = link_plan(found.job, found.manifest, 1, found.declarations).notes
    assert any("would have 5,000,000,000 pairs" in note and "params.blocks" in note for note in notes)


def test_more_than_three_parties_are_fine_unless_two_may_pool_what_they_see(case):
    found = job(case, parties={"more": "{}", "most": "{}"})
    found.check()
    assert "tax and edu and stat compare" in link_plan(found.job, found.manifest, 1).notes[2]
    with pytest.raises(SpecError, match="threshold: 2; record-linkage compares records among three of the parties"):
        found.check(2)


def test_who_brings_records_isnt_told_what_is_estimated_of_all_links(case):
    found = case("record-linkage", f"params: {{{FIELDS}}}", PARTIES)
    told = replace(found, job=found.job.model_copy(update={"receivers": ("tax",)}))
    with pytest.raises(SpecError, match=r"receivers: tax brings records, and what min_probability estimates"):
        told.check()


@pytest.mark.parametrize("least", ["0", "1", "1.5", "0.0", "0.1234", "-0.5", "likely", "[0.5]", "true"])
def test_probabilities_are_above_0_and_below_1(case, least):
    with pytest.raises(SpecError, match=r"params.min_probability: expected a number above 0 and below 1"):
        case("record-linkage", f"params: {{{FIELDS}, min_probability: {least}}}", PARTIES).check()


def test_a_job_without_a_threshold_links_at_the_usual_probability(case):
    found = case("record-linkage", f"params: {{{FIELDS}}}", PARTIES)
    found.check()
    assert linked(found).asked.probability == Fraction(7, 10)
    assert [table.name for table in layout.tables(linked(found))] == ["count", "quality", "probability"]
    found = case("record-linkage", f"params: {{{FIELDS}, report: [edu.level]}}", PARTIES)
    count, rate, group, *_ = layout.tables(linked(found))
    assert (count.name, rate.name, group.name) == ("count", "match_rate", "group_quality")
    assert group.domain == rate.domain
    with pytest.raises(SpecError, match="min_probability and threshold; expected one of them"):
        job(case, 'min_probability: "0.9"').check()
    with pytest.raises(SpecError, match=r"params.exact: not beside min_probability"):
        case("record-linkage", f"params: {{{FIELDS}, exact: [tax.name]}}", PARTIES).check()


@pytest.mark.parametrize("threshold", ["0", "1.01", "0.655", "-0.5", "high", "[0.5]", "true", "0.0"])
def test_thresholds_have_two_decimal_places_from_a_hundredth_to_one(case, threshold):
    with pytest.raises(SpecError, match=r"expected a number from 0\.01 to 1"):
        job(case, threshold=threshold).check()


@pytest.mark.parametrize(
    ("threshold", "meant"), [("0.65", (13, 20)), ('"0.7"', (7, 10)), ("1", (1, 1)), ("0.01", (1, 100))]
)
def test_thresholds_are_exact(case, threshold, meant):
    found = job(case, threshold=threshold)
    found.check()
    assert linked(found).asked.threshold == Fraction(*meant)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ("fields: []", "expected 1 to 16 fields, found 0"),
        ("fields: name", "expected a list of fields"),
        ("fields: [{type: name}]", "params.fields[0]: expected type and columns"),
        ("fields: [{type: word, columns: {tax: kind, edu: name}}]", "expected name, text, date, number, code"),
        ("fields: [{type: name, columns: {tax: kind}}]", "expected one column of each of tax, edu"),
        ("fields: [{type: name, columns: {tax: kind, edu: [name]}}]", "expected one column of each of tax, edu"),
        (
            "fields: [{type: name, columns: {tax: lost, edu: name}}, {type: date, columns: {tax: born, edu: born}}]",
            "tax.lost: data set d has no such column",
        ),
        (f"{FIELDS[:-1]}, {{type: name, columns: {{tax: kind, edu: level}}}}]", "a column of tax stands twice"),
        ("by: []", "params.fields: missing"),
    ],
)
def test_what_is_wrong_with_fields_is_said_with_its_place(case, fields, fault):
    with pytest.raises(SpecError) as error:
        case("record-linkage", f'params: {{{fields}, threshold: "0.7"}}', PARTIES).check()
    assert any(fault in one for one in error.value.faults), error.value.faults
