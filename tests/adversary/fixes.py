"""What stands against the attacks in this folder, each with what takes it out and the attack that then succeeds.

`test_fixes_taken_out.py` runs each attack without its fix: this module is a plugin of pytest there, which takes one out
before anything is collected. `docs/security/attacks.md` has the same table.
"""

from __future__ import annotations

import builtins
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from tests.adversary import before
from tests.adversary.before import Without, gives, none

NAME = "MPCGOV_TEST_WITHOUT"
"""The environment's word for the fix that is taken out."""


@dataclass(frozen=True)
class Fix:
    """A rule: what it says, where it is (`module:name`) with what takes it out there, and an attack."""

    says: str
    places: Mapping[str, Without]
    attack: str


WORD = "test_refusals.py::test_a_word_is_the_same_whichever_rows_a_job_chooses"
RULE = "test_every_small_rule.py"
KEYED = "mpcgov.worker.read:keyed_rows"
BITS = {"mpcgov.figures:least_rows": gives(0), "mpcgov.figures:least_held": gives(0)}

TABLE: list[tuple[int, str, dict[str, Without], str]] = [
    (
        1, "repeated keys are put together", {KEYED: before.refusing("put together")},
        "test_refusals.py::test_1b_no_wage_follows_from_whether_rows_of_one_key_agree[sum]",
    ),
    (1, "rows without a key are left out", {KEYED: before.refusing("without a key")}, f"{WORD}[drop-no key]"),
    (1, "unique is judged of the whole data set", {KEYED: before.judged_as_chosen}, f"{WORD}[drop-another's key]"),
    (
        1, "missing values are judged of the whole data set",
        {
            "mpcgov.worker.local:check_columns": before.missing_anywhere,
            "mpcgov.worker.local:filtered": before.missing_among_chosen,
        },
        "test_refusals.py::test_1c_nobody_is_found_who_lacks_a_value[{7}-refuse]",
    ),
    (
        1, "after three refusals a person is asked", {"mpcgov.node.facts:View.asks": lambda _: False},
        "test_refusals.py::test_after_three_refusals_a_person_is_asked_whatever_the_policy_says",
    ),
    (
        1, "lists are as long as the whole data set", {KEYED: before.as_many_as_chosen},
        "test_every_small_register.py::test_no_choice_of_a_job_changes_how_it_ends[few]",
    ),
    (
        2, "each node judges its own part", {"mpcgov.node.beside:compare": before.any_owner_apart},
        "test_one_owner_apart.py::test_a_month_of_one_owner_excuses_no_choice_of_the_other[inner]",
    ),
    (
        2, "rows of other months may be the same persons'", {"mpcgov.node.units:kept_apart": gives(True)},
        "test_every_small_job.py::test_no_sequence_fixes_a_small_count_of_persons_with_other_rows[monthly]",
    ),
    (
        2, "people are told of a second way to link", {"mpcgov.node.asking:links_otherwise": gives(False)},
        "test_linked_otherwise.py::test_people_are_told_what_a_second_way_would_tell",
    ),
    (
        3, "numbers are fewer than persons", {"mpcgov.figures:least_rows": gives(0)},
        f"{RULE}::test_numbers_are_fewer_than_persons",
    ),
    (
        3, "values hold more than numbers tell", {"mpcgov.figures:least_held": gives(0)},
        f"{RULE}::test_values_hold_more_than_numbers_tell",
    ),
    (3, "either of both", BITS, "test_lattices.py::test_nothing_is_released_of_fifteen_pairs[30]"),
    (
        3, "more columns beside another's are for people to weigh", {"mpcgov.linked.pairing:adds": gives(False)},
        "test_every_small_column.py::test_no_sequence_of_jobs_tells_a_few_persons_values",
    ),
    (
        4, "enough persons are off the usual value", {"mpcgov.worker.gates:divided.of_items": before.all_items},
        "test_sparse_numbers.py::test_nothing_is_linked_that_is_about_few_persons[variances-1]",
    ),
    (
        4, "no person makes up a model", {"mpcgov.worker.gates:of_model": before.whoever_is_heavy},
        "test_sparse_predictors.py::test_no_wage_comes_out_of_coefficients[outlier]",
    ),
    (
        4, "both sides of a model's columns have enough", {"mpcgov.worker.gates:capacity.steps": before.of_one_side},
        "test_sparse_predictors.py::test_no_wage_comes_out_of_coefficients[few]",
    ),
    (
        5, "lengths under noise have noise", {"mpcgov.mpc.noise:more_rows": gives(0)},
        "test_lengths_under_noise.py::test_lengths_under_noise_tell_nobody_who_exists[part]",
    ),
    (
        5, "and it is paid for", {"mpcgov.jobs.noising:lengths": lambda _: SimpleNamespace(part=gives(Fraction(0))(0))},
        "test_every_small_noise.py::test_no_job_with_noise_tells_more_than_it_is_charged_for",
    ),
    (
        6, "the same question has the same coins", {"mpcgov.node.matchers:secret": before.of_each_job},
        "test_matcher_counts.py::test_a_question_asked_again_and_again_shows_the_matcher_no_more_than_once[40]",
    ),
    (
        6, "what a matcher learns in all jobs is bounded", {"mpcgov.node.matcher_limits:beyond": none},
        f"{RULE}::test_what_a_matcher_learns_is_bounded",
    ),
    (
        7, "totals close by cells that hold enough", {"mpcgov.disclosure:closed": lambda _: before.through_any_corner},
        "test_structural_zeros.py::test_no_small_cell_is_narrowed_where_nobody_names_them[(4, 4)-30]",
    ),
    (
        7, "no receiver holds all columns of totals", {"mpcgov.linked.faults:_margins": none},
        "test_structural_zeros.py::test_who_gets_the_result_may_not_hold_all_columns_of_totals[inner]",
    ),
    (
        8, "noise for a unit is by the unit's key", {"mpcgov.rules.privacy:_key_faults": none},
        "test_units_and_keys.py::test_only_keys_by_which_one_person_changes_one_number_may_be_used_with_noise[key1]",
    ),
    (
        9, "without a receiver's own rows enough are left", {"mpcgov.worker.gates:of_rows": before.whatever_is_known},
        "test_own_rows.py::test_no_count_is_left_of_fewer_than_min_count[{}]",
    ),
    (
        9, "receivers' own groups are closed", {"mpcgov.worker.gates:owngroups.close": before.as_shown},
        "test_complete_registers.py::test_inside_mpc_none_does_either",
    ),
    (
        9, "an agency with a few rows is as one with none", {"mpcgov.disclosure:enough_agencies": before.with_any_row},
        f"{RULE}::test_null_does_not_step_at_one_row_of_an_agency",
    ),
    (
        10, "places are distinct", {"mpcgov.mpc.word.permute:_are_distinct": gives(True)},
        "test_one_active_party.py::test_a_matcher_reads_nobodys_value",
    ),
    (
        11, "a program names what is listed", {"mpcgov.worker.program:language.faults": gives([])},
        "test_programs.py::test_a_program_that_reaches_further_is_refused_by_the_check_and_by_every_node[open]",
    ),
    (
        11, "programs have no builtins but the listed ones",
        {"mpcgov.protocol.language:own_builtins": gives(vars(builtins))},
        "test_programs.py::test_what_runs_has_no_builtins_but_the_listed_ones",
    ),
    (
        12, "filters are named, or people read them", {"mpcgov.node.asking:unnamed": none},
        "test_padded_filters.py::test_no_filter_pads_one_person_with_others_who_are_known[a range of numbers]",
    ),
    (
        12, "a partner's rows are a group of each cell", {"mpcgov.worker.differing:few": before.without_theirs},
        "test_partners_rows_in_cells.py",
    ),
    (
        12, "but where its filters differ", {"mpcgov.worker.differing:few": before.theirs_in_all},
        "test_partners_rows_in_cells.py::test_nor_does_what_two_other_tables_tell_of_the_partners_rows[9]",
    ),
    (
        12, "no yes where rows are linked", {"mpcgov.node.beside:countable": gives(True)},
        "test_every_small_question.py::test_no_yes_that_is_possible_singles_anybody_out[linked-3]",
    ),
    (
        12, "a yes is counted for counts alone", {"mpcgov.node.differencing:only_counts": gives(True)},
        "test_more_than_cells.py",
    ),
    (
        12, "rows are held against those of earlier tables", {"mpcgov.node.ledger:admit": before.whatever_has_changed},
        "test_changed_rows.py::test_no_total_and_no_filter_tells_whose_birthday_it_was",
    ),
    (
        12, "several rows may be one person's", {"mpcgov.node.asking:units.doubts": none},
        "test_rows_of_one_person.py",
    ),
    (
        12, "what is hidden of a column may be any of few",
        {"mpcgov.worker.gates:of_columns": lambda _: before.by_what_is_left},
        f"{RULE}::test_a_hidden_number_of_a_column_may_be_any_of_few",
    ),
    (
        12, "match rates are of all groups or none", {"mpcgov.worker.linkquality:of_match_rates": before.all_rates},
        "test_probable_links.py::test_inside_mpc_neither",
    ),
    (
        12, "no two columns of an owner have match rates", {"mpcgov.linked.comparing:report_faults": none},
        "test_probable_links.py::test_two_columns_of_which_an_owner_made_one_up_tell_who_is_linked[True]",
    ),
]  # fmt: skip
"""By the item of the review that they answer."""
FIXES = {f"{item}: {says}": Fix(says, places, attack) for item, says, places, attack in TABLE}


def take_out(fix: Fix) -> None:
    """From this process on, and in all that are copies of it."""
    for place, without in fix.places.items():
        module, _, path = place.partition(":")
        *holders, name = path.split(".")
        holder: Any = importlib.import_module(module)
        for one in holders:
            holder = getattr(holder, one)
        setattr(holder, name, without(getattr(holder, name)))


# -- as a plugin


def pytest_configure() -> None:
    take_out(FIXES[os.environ[NAME]])


def pytest_exception_interact(call: pytest.CallInfo[Any], report: Any) -> None:
    """An attack that breaks down isn't one that succeeds."""
    if call.excinfo is not None and not call.excinfo.errisinstance((AssertionError, pytest.fail.Exception)):
        pytest.exit(f"{call.excinfo.type.__name__} in {report.nodeid}", returncode=9)
