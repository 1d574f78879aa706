"""Cuckoo tables, and what only the oblivious join does: against plain Python, counting arguments and hostile peers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln, logsumexp

from mpcgov.errors import InternalError
from mpcgov.linkage import cuckoo, oblivious, tags
from mpcgov.linkage.join import PrivateList
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linkage.tags import Texts
from mpcgov.linked.sizes import padded_length, table_third
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word.stream import Stream
from tests import nightly
from tests.linkage.linked_parties import opened_places, places
from tests.linkage.test_linkedrows import case, computed, plain

# -- tables


def blocks(seed: int, count: int) -> np.ndarray:
    return Stream(seed.to_bytes(32, "big")).words(2 * count).reshape(count, 2)


def fits(found: np.ndarray) -> bool:
    """Whether any arrangement exists, by trying all."""
    choices = [[(j, int(place)) for j, place in enumerate(row)] for row in found]
    return any(len(set(one)) == len(one) for one in itertools.product(*choices))


@settings(max_examples=nightly.count(75, 300))
@given(st.integers(0, 10**9), st.integers(0, 6), st.integers(1, 3))
def test_a_table_is_arranged_exactly_if_it_can_be(seed: int, count: int, third: int) -> None:
    found = cuckoo.places(blocks(seed, count), third)
    table = cuckoo.arranged(found, third)
    assert (table is not None) == fits(found)
    if table is not None:
        assert table.shape == (3 * third,)
        assert sorted(table[table >= 0].tolist()) == list(range(count))
        for place in np.flatnonzero(table >= 0):
            assert found[table[place], place // third] == place % third


def test_a_crowded_table_makes_room() -> None:
    """0.9 of the places are taken, just below the most that three choices allow."""
    third = 2000
    found = cuckoo.places(blocks(5, 27 * third // 10), third)
    table = cuckoo.arranged(found, third)
    assert table is not None
    taken = np.flatnonzero(table >= 0)
    assert sorted(table[taken].tolist()) == list(range(len(found)))
    assert (found[table[taken], taken // third] == taken % third).all()


def test_places_are_uniform_in_each_third_and_independent() -> None:
    third = 7
    found = cuckoo.places(blocks(1, 100_000), third)
    assert found.min() == 0
    counts = np.bincount(found @ [49, 7, 1], minlength=343)
    assert stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize("length", [*range(100, 1000, 10), *(10**k * step for k in (2, 3, 4) for step in (10, 37, 99))])
def test_there_is_no_room_less_often_than_once_in_2_to_the_41(length: int) -> None:
    """Without room, k of the keys have all their places among k − 1 of the table's (Hall): the sum over k and over all
    choices of such keys and places. In a choice of a, b, c places, one key's are with probability abc/third³."""
    assert padded_length(length) == length
    bins = 3 * table_third(length)
    k = np.arange(4, length + 1, dtype=float)

    def choose(n: int, m: np.ndarray) -> np.ndarray:
        return gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)

    bound = logsumexp(choose(length, k) + choose(bins, k - 1) + 3 * k * np.log((k - 1) / bins))
    assert bound / np.log(2) < -41


# -- rows


def owned(count: int) -> Texts:
    keys = [b"person %d" % i for i in range(count)]
    return Texts(np.frombuffer(b"".join(keys), np.uint8), np.cumsum([0, *map(len, keys)], dtype=np.int64))


KEYS = oblivious.Keys((123456789, 987654321), b"t" * 32, b"p" * 32, b"r" * 32)


def test_rows_without_a_key_have_places_like_all_others_and_a_token_like_none() -> None:
    third = table_third(100)
    places_, tokens = oblivious._listed(PrivateList(owned(30), 1000, 0, bytes(32)), KEYS, third)
    assert places_.shape == (1000, 3)
    assert (tokens == oblivious.NO_ROW).sum() == 970
    real = tokens < oblivious.NO_KEY
    assert real.sum() == 30
    for rows in (real, ~real):
        assert stats.kstest(places_[rows].reshape(-1) / third, "uniform").pvalue > 1e-6
    far = oblivious._listed(PrivateList(owned(30), 1000, 0, bytes(32)), KEYS, 2**30)[0]
    assert len({row.tobytes() for row in far}) == 1000


def test_a_left_list_is_in_its_order() -> None:
    mine = PrivateList(owned(30), 100, 0, bytes(32))
    places_, tokens = oblivious._listed(mine, KEYS, 50)
    blocks_ = tags.key_blocks(mine.keys, KEYS.points)
    expected = cuckoo.places(tags.encrypted(blocks_, KEYS.place), 50)
    for row, key in enumerate(mine.order):
        if key < 30:
            assert (places_[row] == expected[key]).all()
            assert tokens[row] == oblivious._tokens(blocks_[key : key + 1], KEYS)[0]


def test_an_owner_draws_again_in_private_until_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are as many and as long, and the result is right."""
    made, honest = case(1, 90, 0.8, "overlap", {}, method="oblivious"), cuckoo.arranged
    keys = [{row["key"] for row in rows} for rows in made.rows.values()]

    async def program(rows: LinkedRows) -> Any:
        return await places({"count": await rows.overlaps()})

    sizes = []
    for attempts in (1, 3):
        tried: list[int] = []

        def crowded(found: np.ndarray, third: int, tried: list[int] = tried, attempts: int = attempts) -> Any:
            tried.append(1)
            return honest(found, third) if len(tried) == attempts else None

        monkeypatch.setattr(cuckoo, "arranged", crowded)
        results, parties = made.run(program)
        ((count,),) = opened_places(results, 1).values()
        assert count.tolist() == [len(keys[0] & keys[1])]
        assert len(tried) == attempts
        sizes.append({label: len(message) for label, message in parties[0].network.messages.items()})
    assert sizes[0] == sizes[1]


def test_rows_are_compared_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oblivious, "PIECE", 37)
    made = case(2, 150, 0.7, "linked-statistics", {"by": ["edu.level"], "measures": ["edu.age"]}, method="oblivious")
    found, linked = computed(made)
    assert found == plain(made, linked)


def test_a_token_in_common_makes_no_match_where_the_places_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tokens alike: what is counted are rows with another's key at one of their places, few as they are."""
    monkeypatch.setattr(oblivious, "_tokens", lambda blocks, _: np.zeros(len(blocks), np.uint64))
    made = case(3, 100, 1.0, "overlap", {}, method="oblivious")
    for i, row in enumerate(made.rows["edu"]):
        row["key"] = f"other {i}"

    async def program(rows: LinkedRows) -> Any:
        return await places({"count": await rows.overlaps()})

    ((count,),) = opened_places(made.run(program)[0], 1).values()
    assert 0 < count[0] < 100


@pytest.mark.parametrize(("sender", "culprit"), [("places", 0), ("table", 1)])
def test_a_place_or_number_that_cannot_be_is_its_senders_fault(
    sender: str, culprit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = case(1, 60, 0.8, "overlap", {}, method="oblivious")
    if sender == "places":
        monkeypatch.setattr(oblivious, "packed", lambda rows: np.full((len(rows) + 1) // 2, 2**63, np.uint64))
    else:
        honest = oblivious.field.subtract

        def outside(a: np.ndarray, b: np.ndarray) -> Any:
            return np.full(a.shape, 2**62, np.uint64) if a.shape == (3 * table_third(100), 1) else honest(a, b)

        monkeypatch.setattr(oblivious.field, "subtract", outside)

    async def program(rows: LinkedRows) -> Any:
        await rows.overlaps()

    with pytest.raises(WireError) as caught:
        made.run(program)
    assert caught.value.peer == culprit


def test_the_first_column_must_say_which_rows_are_real() -> None:
    made = case(1, 60, 0.8, "linked-count", {"by": ["edu.level"]}, method="oblivious")

    async def program(rows: LinkedRows) -> Any:
        honest = rows._columns
        rows._columns = lambda plan, shard: honest(plan, shard) * 0
        await rows.cell_sums()

    with pytest.raises(InternalError, match="which rows are real"):
        made.run(program)
