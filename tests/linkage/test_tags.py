"""Tags, tag lists and their matching: against Python integers, plain sets and the traps that reviews found."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import InternalError
from mpcgov.linkage import tags
from mpcgov.linkage.matching import ascending, common, matches, sources
from mpcgov.linkage.tags import (
    SpokeKeys,
    TagList,
    Texts,
    dummy_tags,
    key_tags,
    some_equal,
    spoke_keys,
    tag_list,
)
from mpcgov.linked.sizes import least_pool, padded_length
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word.field import P
from mpcgov.mpc.word.stream import Stream
from tests import nightly

KEYS = SpokeKeys((12345678901234567, P - 2), b"k" * 32, b"d" * 32)
SECRETS = (b"a" * 32, b"b" * 32)


def packed(keys: list[bytes]) -> Texts:
    return Texts(np.frombuffer(b"".join(keys), np.uint8), np.cumsum([0, *map(len, keys)], dtype=np.int64))


def tags_of(keys: list[bytes], spoke: SpokeKeys = KEYS) -> np.ndarray:
    return key_tags(packed(keys), spoke)


def expected(key: bytes, spoke: SpokeKeys = KEYS) -> bytes:
    words = [int.from_bytes(key[i : i + 7], "little") for i in range(0, len(key), 7)]
    values = [(sum(w * pow(x, j, P) for j, w in enumerate(words, 1)) + len(key)) % P for x in spoke.points]
    block = b"".join(value.to_bytes(8, "little") for value in values)
    return Cipher(algorithms.AES256(spoke.tag_key), modes.ECB()).encryptor().update(block)  # noqa: S305  of one block, as a tag is


@settings(max_examples=nightly.count(60, 200))
@given(st.lists(st.binary(max_size=80), max_size=20), st.integers(0, P - 1), st.integers(0, P - 1))
def test_tags_are_what_the_definition_says(keys: list[bytes], x: int, y: int) -> None:
    spoke = SpokeKeys((x, y), b"k" * 32, b"d" * 32)
    found = tags_of(keys, spoke)
    assert found.shape == (len(keys), 2)
    assert [row.tobytes() for row in found] == [expected(key, spoke) for key in keys]


@pytest.mark.parametrize("length", [0, 1, 6, 7, 8, 13, 14, 15, 64])
def test_extreme_bytes_at_word_borders(length: int) -> None:
    keys = [b"\xff" * length, b"\0" * length]
    assert [row.tobytes() for row in tags_of(keys)] == [expected(key) for key in keys]


@pytest.mark.parametrize("count", [63, 64, 65, 200])
def test_keys_hashed_side_by_side_have_the_tags_that_each_has_alone(count: int) -> None:
    keys = [b"%d " % i + b"\xff" * (i * i % 90) for i in range(count)]
    keys[7], keys[-1] = b"long" * 500, b""
    assert [row.tobytes() for row in tags_of(keys)] == [expected(key) for key in keys]


def test_keys_that_padding_or_wide_words_would_confuse_have_different_tags() -> None:
    confusing = [b"", b"\0", b"\0" * 7, b"\0" * 8, b"a", b"a\0", b"a\0\0\0\0\0\0\0"]
    confusing += [(5).to_bytes(8, "little"), (5 + P).to_bytes(8, "little")]
    assert not some_equal(tags_of(confusing))


def test_a_slice_of_the_keys_has_the_same_tags() -> None:
    whole = packed([b"one", b"two", b"three"])
    assert (key_tags(Texts(whole.data, whole.offsets[1:]), KEYS) == tags_of([b"two", b"three"])).all()


@pytest.mark.parametrize("offsets", [[], [0, 9], [3, 0], [-1, 2]])
def test_damaged_bounds_are_refused(offsets: list[int]) -> None:
    with pytest.raises(InternalError):
        key_tags(Texts(np.zeros(5, np.uint8), np.array(offsets, np.int64)), KEYS)


def test_dummies_are_no_keys_and_stay_apart() -> None:
    dummies = dummy_tags(500, KEYS)
    keys = [b"", *((i).to_bytes(8, "little") for i in range(500))]
    assert not some_equal(np.concatenate([dummies, tags_of(keys)]))
    same_key = SpokeKeys(KEYS.points, KEYS.tag_key, KEYS.tag_key)
    assert not some_equal(np.concatenate([dummy_tags(500, same_key), tags_of(keys, same_key)]))


# -- keys


def hkdf(ikm: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block, without salt."""
    secret = hmac.digest(bytes(32), ikm, hashlib.sha256)
    return hmac.digest(secret, info + b"\x01", hashlib.sha256)


def test_spoke_keys_are_hkdf_over_both_secrets() -> None:
    def derive(label: bytes) -> bytes:
        parts = (b"job", b"0", b"tax", b"edu", b"link", label)
        return hkdf(b"a" * 32 + b"b" * 32, b"".join(len(part).to_bytes(4, "big") + part for part in parts))

    keys = spoke_keys(SECRETS, "job", "0", ("tax", "edu"))
    assert keys.points == tuple(int.from_bytes(derive(label), "big") % P for label in (b"point 1", b"point 2"))
    assert (keys.tag_key, keys.dummy_key) == (derive(b"tags"), derive(b"dummies"))


def test_spokes_jobs_and_owners_have_keys_of_their_own() -> None:
    made = [
        spoke_keys(SECRETS, "job", "0", ("tax", "edu")),
        spoke_keys(SECRETS, "job", "1", ("tax", "edu")),
        spoke_keys(SECRETS, "job 2", "0", ("tax", "edu")),
        spoke_keys(SECRETS, "job", "0", ("edu", "tax")),
        spoke_keys(SECRETS, "job", "0", ("tax", "edu2")),
        spoke_keys(SECRETS, "job", "0t", ("ax", "edu")),
        spoke_keys(SECRETS[::-1], "job", "0", ("tax", "edu")),
    ]
    uses = [value for keys in made for value in (*keys.points, keys.tag_key, keys.dummy_key)]
    assert len(set(uses)) == len(uses)


@pytest.mark.parametrize("secrets", [(), SECRETS[:1], (b"a" * 31, b"b" * 32), (*SECRETS, SECRETS[0])])
def test_a_short_or_missing_secret_is_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(InternalError):
        spoke_keys(secrets, "job", "0", ("tax", "edu"))


# -- lists


def stream(seed: int) -> Stream:
    return Stream(seed.to_bytes(32, "big"))


def made_list(keys: list[bytes], dummies: int, seed: int) -> tuple[TagList, np.ndarray, np.ndarray]:
    private = stream(seed)
    rows = tag_list(len(keys), padded_length(len(keys)), dummies, private)
    order = private.permutation(len(rows))
    return rows, order, rows.tags(tags_of(keys), dummy_tags(dummies, KEYS), order, private)


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_a_list_holds_keys_dummies_by_coin_and_noise(count: int) -> None:
    keys = [b"key %d" % i for i in range(count)]
    rows, order, tags_ = made_list(keys, 50, count)
    assert len(rows) == len(tags_) == padded_length(count) + 50
    assert not some_equal(tags_)
    own = {row.tobytes() for row in tags_of(keys)}
    dummies = [row.tobytes() for row in dummy_tags(50, KEYS)]
    listed = [row.tobytes() for row in tags_]
    real = rows.real(order)
    assert {tag for tag, one in zip(listed, real, strict=True) if one} == own
    assert [tag in listed for tag in dummies] == rows.coins.tolist()
    assert real.sum() == count


def test_columns_follow_their_keys_and_are_zero_elsewhere() -> None:
    keys = [b"key %d" % i for i in range(120)]
    rows, order, tags_ = made_list(keys, 50, 1)
    values = np.arange(1000, 1120, dtype=np.uint64)
    by_tag = {row.tobytes(): int(value) for row, value in zip(tags_of(keys), values, strict=True)}
    column = rows.column(values, order)
    assert [by_tag.get(row.tobytes(), 0) for row in tags_] == column.tolist()


def test_the_length_of_a_list_does_not_depend_on_its_coins_or_keys() -> None:
    lengths = {
        len(made_list([b"%d" % i for i in range(count)], 143, seed)[2]) for seed in range(20) for count in (101, 110)
    }
    assert lengths == {110 + 143}


def test_what_a_list_draws_does_not_depend_on_its_coins() -> None:
    for coins in ([True] * 10, [False] * 10):
        private = stream(5)
        rows = TagList(3, 100, np.array(coins))
        rows.tags(tags_of([b"a", b"b", b"c"]), dummy_tags(10, KEYS), np.arange(110), private)
        assert private.words(1)[0] == (after := private_after(5, 2 * 110)), after


def private_after(seed: int, words: int) -> np.uint64:
    private = stream(seed)
    private.words(words)
    return private.words(1)[0]


def test_coins_are_fair_and_fresh() -> None:
    coins = np.concatenate([tag_list(0, 100, 143, stream(seed)).coins for seed in range(700)])
    assert abs(coins.mean() - 0.5) < 4 * 0.5 / len(coins) ** 0.5
    assert len({tag_list(0, 100, 143, Stream(os.urandom(32))).coins.tobytes() for _ in range(20)}) == 20


def test_the_matcher_sees_binomial_noise() -> None:
    pool = least_pool(1.0, 1e-6)
    shared = [b"%d" % i for i in range(30)]
    counts = []
    for seed in range(300):
        left, right = made_list([*shared, b"x"], pool, 2 * seed)[2], made_list([*shared, b"y"], pool, 2 * seed + 1)[2]
        counts.append(int((matches(left, right, (0, 1)) >= 0).sum()) - len(shared))
    assert abs(np.mean(counts) - pool / 4) < 4 * (pool * 3 / 16 / len(counts)) ** 0.5
    assert 0.75 < np.var(counts) / (pool * 3 / 16) < 1.3


def test_more_keys_than_the_list_holds_are_refused() -> None:
    with pytest.raises(InternalError):
        TagList(101, 100, np.zeros(0, bool))
    with pytest.raises(InternalError):
        TagList(1, 100, np.zeros(3, bool)).tags(tags_of([b"a", b"b"]), dummy_tags(3, KEYS), np.arange(103), stream(0))


# -- matching

SMALL = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True, max_size=16)


@settings(max_examples=nightly.count(60, 200))
@given(SMALL, SMALL, st.integers(0, 63))
def test_matching_finds_what_a_dictionary_finds(
    left: list[tuple[int, int]], other: list[tuple[int, int]], shift: int
) -> None:
    """Few values in a few bits, so that tags agree in those by which they are put in order."""
    spread = [
        np.array([(((1 << 64) - 1 - a) >> shift << shift, b) for a, b in rows], np.uint64).reshape(-1, 2)
        for rows in (left, other)
    ]
    distinct = [len({row.tobytes() for row in rows}) == len(rows) for rows in spread]
    risen = [ascending(rows) for rows in spread]
    assert [same for _, same in risen] == [not one for one in distinct]
    assert [rows.tolist() for rows, _ in risen] == [sorted(rows.tolist()) for rows in spread]
    if not all(distinct):
        return
    assert common(risen[0][0], risen[1][0], (0, 1)) == len({*map(bytes, spread[0])} & {*map(bytes, spread[1])})
    places = {row.tobytes(): i for i, row in enumerate(spread[1])}
    assert matches(*spread, (0, 1)).tolist() == [places.get(row.tobytes(), -1) for row in spread[0]]


@pytest.mark.parametrize("overlap", [0, 1, 500, 1000])
def test_lists_of_keys_match_where_keys_are_equal(overlap: int) -> None:
    left = [b"person %d" % i for i in range(1000)]
    other = [b"person %d" % i for i in range(1000 - overlap, 2000 - overlap)]
    found = matches(tags_of(left), tags_of(other), (0, 1))
    assert (found >= 0).sum() == overlap == common(*(ascending(tags_of(keys))[0] for keys in (left, other)), (0, 1))
    assert all(left[i] == other[j] for i, j in enumerate(found) if j >= 0)


def test_a_tag_that_stands_twice_is_blamed_on_its_sender() -> None:
    once, twice = tags_of([b"a", b"b"]), tags_of([b"a", b"a"])
    with pytest.raises(WireError) as caught:
        matches(once, twice, (3, 4))
    assert caught.value.peer == 4
    for others in (once, tags_of([b"c"]), tags_of([])):
        with pytest.raises(WireError) as caught:
            matches(twice, others, (3, 4))
        assert caught.value.peer == 3


def test_a_list_that_isnt_ascending_is_blamed_on_its_sender() -> None:
    (right, _), wrong = ascending(tags_of([b"a", b"b"])), np.array([(1, 2), (1, 1)], np.uint64)
    for left, other, sender in ((right, wrong, 4), (wrong, right, 3), (right, wrong[[0, 0]], 4), (right, wrong[:0], 0)):
        if not sender:
            assert common(left, other, (3, 4)) == 0
            continue
        with pytest.raises(WireError) as caught:
            common(left, other, (3, 4))
        assert caught.value.peer == sender


def test_empty_lists_match_nothing() -> None:
    empty = tags_of([])
    assert matches(empty, tags_of([b"a"]), (0, 1)).tolist() == []
    assert matches(tags_of([b"a"]), empty, (0, 1)).tolist() == [-1]


def test_colliding_tags_are_noticed() -> None:
    distinct = np.array([(1, 2), (1, 3), (2, 2), (5, 2)], np.uint64)
    assert not some_equal(distinct)
    assert some_equal(np.concatenate([distinct, distinct[1:2]]))
    assert not some_equal(distinct[:0])


def test_rows_without_a_match_get_null_rows_of_their_own() -> None:
    found = np.array([4, -1, 0, -1, -1])
    assert sources(found, 6).tolist() == [4, 7, 0, 9, 10]
    for case in itertools.product([-1, 0, 1, 2], repeat=3):
        used = [place for place in case if place >= 0]
        if len(set(used)) == len(used):
            rows = sources(np.array(case), 3)
            assert len(set(rows.tolist())) == 3
            assert rows.max() < 3 + 3


def test_no_tag_tells_a_plain_hash_of_its_key() -> None:
    key = b"38001010000"
    tag = tags_of([key])[0].tobytes()
    digests = [getattr(hashlib, name)(key).digest() for name in ("md5", "sha1", "sha256", "blake2b")]
    assert tag not in (digest[:16] for digest in digests)
    assert tags.WORD_BYTES == 7
