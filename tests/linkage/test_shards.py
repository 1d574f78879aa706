"""Lists in shards: the same sums as of whole lists, and lengths that tell nothing of who is in which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mpcgov.errors import InternalError
from mpcgov.linkage import LinkedRows, OwnRows
from mpcgov.linkage import shards as splitting
from mpcgov.linkage.shards import Shard, Split, shard_of
from mpcgov.linkage.tags import Texts
from mpcgov.linked import cost, shards
from mpcgov.linked.shards import MOST_SHARDS, OVERFLOW_BITS, note, obstacle, shard_count, shard_length
from mpcgov.linked.sizes import padded_length
from mpcgov.mpc.word import wire
from tests.linkage.linked_parties import Case, opened_places, places
from tests.linkage.test_linkedrows import METHODS, STATISTICS, case, computed, plain

SOME = {"by": ["edu.level"], "measures": ["tax.income"]}
AGES = {"by": ["tax.region"], "measures": ["edu.age"]}
EIGHT = 13
"""Keys of which a padded list of 100 makes eight shards."""


def split_in(monkeypatch: pytest.MonkeyPatch, keys: int) -> None:
    monkeypatch.setattr(shards, "SHARD_KEYS", keys)


@pytest.mark.by_day(4)
@pytest.mark.parametrize("keys", [100, 50, EIGHT])
@pytest.mark.parametrize("join", ["inner", "left"])
@pytest.mark.parametrize("method", METHODS)
def test_sums_over_shards_are_those_over_whole_lists(
    keys: int, join: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_in(monkeypatch, keys)
    made = case(1, 90, 0.8, "linked-statistics", STATISTICS, join=join, method=method)
    found, linked = computed(made)
    assert shard_count(linked, {"tax": 100, "edu": 100}) == {100: 1, 50: 2, EIGHT: 8}[keys]
    assert found == plain(made, linked)


@pytest.mark.parametrize("method", METHODS)
def test_three_owners_rows_are_split_alike(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    split_in(monkeypatch, EIGHT)
    params = {"by": ["edu.level", "wel.kind"], "measures": ["tax.income", "wel.benefit"]}
    made = case(2, 60, 0.8, "linked-statistics", params, owners=3, join="left", method=method)
    found, linked = computed(made)
    assert found == plain(made, linked)


@pytest.mark.parametrize("people", [0, 1])
def test_shards_may_be_empty(people: int, monkeypatch: pytest.MonkeyPatch) -> None:
    split_in(monkeypatch, EIGHT)
    made = case(3, people, 1.0, "linked-statistics", SOME, join="left")
    found, linked = computed(made)
    assert found == plain(made, linked)


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("owners", "method"), [(2, "matcher"), (2, "oblivious"), (3, "matcher")])
def test_overlaps_of_shards_add_up(owners: int, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    split_in(monkeypatch, 25)
    made = case(4, 70, 0.7, "overlap", {}, owners=owners, method=method)

    async def program(rows: LinkedRows) -> Any:
        return await places({"count": await rows.overlaps()})

    found = opened_places(made.run(program)[0], 1)["count"][0]
    whole = replace(made, method="oblivious")
    monkeypatch.undo()
    assert found.tolist() == opened_places(whole.run(program)[0], 1)["count"][0].tolist()


def test_numbers_of_several_limbs_and_noise_are_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    split_in(monkeypatch, 25)
    params = {"by": ["edu.level"], "measures": ["tax.wide", "edu.wide"], "correlations": [["tax.wide", "edu.wide"]]}
    found, linked = computed(case(5, 60, 0.9, "linked-statistics", params))
    assert found == plain(case(5, 60, 0.9, "linked-statistics", params), linked)


def test_lists_of_up_to_a_million_keys_are_whole() -> None:
    linked = case(6, 0, 1.0, "linked-statistics", SOME).linked()
    found = {length: shard_count(linked, {"tax": 100, "edu": length}) for length in (10**6, 1_100_000, 5_800_000)}
    assert found == {10**6: 1, 1_100_000: 2, 5_800_000: 8}
    assert shard_count(linked, {"tax": 2**31, "edu": 100}) == MOST_SHARDS


def test_what_is_no_sum_over_keys_is_not_split() -> None:
    regression = {"outcome": "tax.income", "predictors": ["edu.age"]}
    greatest = case(7, 0, 1.0, "linked-statistics", AGES, rules={"dominance": 10})
    exact = case(7, 0, 1.0, "linked-count", {"by": ["edu.level"]}, owners=3, size_noise="off")
    for made in (case(7, 0, 1.0, "linked-regression", regression), greatest, exact):
        linked = made.linked()
        assert obstacle(linked)
        assert shard_count(linked, {"tax": 10**8, "edu": 10**8}) == 1
    assert not obstacle(replace(exact, rows=dict(list(exact.rows.items())[:2]), declared=two(exact)).linked())


def test_a_plan_says_which_lists_are_split() -> None:
    long, short = {"tax": 5_800_000, "edu": 100}, {"tax": 10**6, "edu": 100}
    linked = case(6, 0, 1.0, "linked-statistics", SOME).linked()
    assert note(linked, short) is None
    assert "in shards, one after the other: here up to 8" in str(note(linked, long))
    greatest = case(7, 0, 1.0, "linked-statistics", AGES, rules={"dominance": 10}).linked()
    assert "linked whole, however long they are: the greatest values" in str(note(greatest, long))


def two(made: Case) -> dict[str, dict[str, dict[str, Any]]]:
    return dict(list(made.declared.items())[:2])


@pytest.mark.parametrize("count", [2, 8, MOST_SHARDS])
@pytest.mark.parametrize("keys", [1, 90, 1000, 10**4, 5_800_000, 2**31])
def test_a_shard_is_fuller_than_its_length_once_in_2_to_the_76(keys: int, count: int) -> None:
    """The exact tail: of `keys` keys that are each in the shard with chance 1/count."""
    length = shard_length(padded_length(keys), count)
    assert stats.binom.logsf(length, padded_length(keys), 1 / count) <= -OVERFLOW_BITS * np.log(2)
    assert length <= padded_length(keys)


def test_padding_is_little_where_lists_are_long() -> None:
    assert 8 * shard_length(5_800_000, 8) < 1.02 * 5_800_000


def texts(count: int) -> Texts:
    return Texts(np.arange(count, dtype="<u4").view(np.uint8), 4 * np.arange(count + 1, dtype=np.int64))


def test_shards_are_as_likely_and_hang_on_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "AT_ONCE", 1000)
    first, second = (shard_of(texts(8000), bytes([key]) * 32, 8) for key in (1, 2))
    assert stats.chisquare(np.bincount(first, minlength=8)).pvalue > 1e-9
    table = np.histogram2d(first, second, bins=8)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-9
    assert (first == shard_of(texts(8000), bytes([1]) * 32, 8)).all()


def test_every_row_is_in_one_shard_with_its_columns() -> None:
    own = OwnRows(texts(1000), {"n": np.arange(1000)})
    split = Split.of({"a": 1000}, 8, own, bytes(32)).checked("a")
    parts = [split.shard(number) for number in range(len(split))]
    assert sorted(n for part in parts for n in part.own.columns["n"].tolist()) == list(range(1000))
    for part in parts:
        keys = part.own.keys
        found = [keys.data[a:b].view("<u4")[0] for a, b in zip(keys.offsets[:-1], keys.offsets[1:], strict=True)]
        assert found == part.own.columns["n"].tolist()
    assert len({part.label for part in parts}) == 8


def test_too_many_keys_for_a_shard_end_the_job_before_any_is_linked() -> None:
    """What never happens: 1,000 keys in a list that is said to have 100."""
    split = Split.of({"a": 100}, 8, OwnRows(texts(1000), {}), bytes(32))
    with pytest.raises(InternalError, match="more keys than its list holds"):
        split.checked("a")


def test_a_plan_reckons_with_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and rounds of a job in eight shards, beside what the parties really send."""
    from mpcgov.coordinator.plan import job_cost

    made = case(8, 90, 0.9, "linked-count", {"by": ["edu.level"]}, max_rows=100)
    whole = job_cost(made.linked().job, made.linked().manifest, made.linked().declarations, 1)
    split_in(monkeypatch, EIGHT)
    rounds, sent, memory_bytes = job_cost(made.linked().job, made.linked().manifest, made.linked().declarations, 1)
    lines = [party.line for party in made.run(LinkedRows.cell_sums)[1]]
    assert cost.WORD * shard_length(100, 8) < memory_bytes < whole[2]
    assert max(line.bytes_sent for line in lines) / 2 <= sent <= 2 * max(line.bytes_sent for line in lines)
    cleared = whole[0] - rounds_of(case(8, 90, 0.9, "linked-count", {"by": ["edu.level"]}, max_rows=100), monkeypatch)
    assert rounds == pytest.approx(max(line.rounds for line in lines) + cleared, rel=0.1)


def rounds_of(made: Case, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.undo()
    lines: list[wire.Line] = [party.line for party in made.run(LinkedRows.cell_sums)[1]]
    return max(line.rounds for line in lines)


@pytest.mark.parametrize("method", METHODS)
def test_a_party_that_fails_in_the_fifth_shard_ends_the_job_before_anything_is_opened(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_in(monkeypatch, EIGHT)
    made = case(9, 90, 0.9, "linked-count", {"by": ["edu.level"]}, method=method)
    shard, asked, after = Split.shard, list[int](), list[int]()

    def failing(split: Split, number: int) -> Shard:
        asked.append(number)
        if number == 4 and split.own is not None and "level" in split.own.columns:
            raise ConnectionError
        return shard(split, number)

    async def program(rows: LinkedRows) -> None:
        await rows.cell_sums()
        after.append(1)

    monkeypatch.setattr(Split, "shard", failing)
    with pytest.raises(ConnectionError):
        made.run(program)
    assert max(asked) == 4
    assert after == []
