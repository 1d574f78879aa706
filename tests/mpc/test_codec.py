"""The codec: what travels between parties, and uniform numbers."""

from __future__ import annotations

import itertools
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgov.mpc import codec
from mpcgov.mpc.prf import Prf, derive

PRIMES = (3, 127, 2**31 - 1, 2**61 - 1, 2**64 - 189, 2**89 - 1, 2**127 - 1, 2**521 - 1)


def elements(values: list[int]) -> codec.Elements:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@given(st.sampled_from(PRIMES), st.data())
def test_what_is_encoded_decodes_to_the_same_numbers_at_a_fixed_width(p: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, p - 1) | st.sampled_from([0, 1, p - 1]), max_size=20))
    wire = codec.encode(elements(values), p)
    assert len(wire) == len(values) * codec.width_of(p)
    assert codec.decode(wire, len(values), p).tolist() == values


@pytest.mark.parametrize("p", PRIMES)
def test_numbers_from_the_modulus_on_are_refused(p: int) -> None:
    width = codec.width_of(p)
    for bad in {p, min(p + 1, 256**width - 1), 256**width - 1}:
        wire = (1).to_bytes(width, "little") + bad.to_bytes(width, "little")
        with pytest.raises(codec.WireError, match="outside the field"):
            codec.decode(wire, 2, p)


@given(st.binary(max_size=100), st.integers(0, 5), st.sampled_from(PRIMES))
def test_bytes_of_another_length_are_refused(wire: bytes, count: int, p: int) -> None:
    if len(wire) == count * codec.width_of(p):
        wire += b"\0"
    with pytest.raises(codec.WireError):
        codec.decode(wire, count, p)


def test_a_pickle_is_no_message() -> None:
    wire = pickle.dumps(elements([1, 2]))
    with pytest.raises(codec.WireError):
        codec.decode(wire, 2, 2**61 - 1)


@pytest.mark.parametrize(
    "bound", [1, 2, 3, 5, 7, 127, 128, 2**61 - 1, 2**64, 2**64 + 13, 2**87 - 67, 2**128, 2**130 - 5]
)
def test_uniform_numbers_stay_below_their_bound_and_reach_its_whole_range(bound: int) -> None:
    values = codec.uniform(os.urandom, 500, bound).tolist()
    assert len(values) == 500
    assert all(type(value) is int and 0 <= value < bound for value in values)
    if bound < 8:
        assert set(values) == set(range(bound))
    if bound > 1000:
        assert max(values) > bound * 0.95
        assert min(values) < bound * 0.05


def test_uniform_is_exactly_uniform_over_all_inputs() -> None:
    """Over all contents of two words' low three bits each number below 5 comes equally often: others are dropped."""
    counts = dict.fromkeys(range(5), 0)
    for content in itertools.product(range(8), repeat=2):
        if min(content) < 5:
            words = np.full(100, 0xFF, dtype="<u8")  # dropped, but for the first two
            words[:2] = [bits | 0xF8 for bits in content]  # bits above the third must not count
            counts[int(codec.uniform(lambda n, w=words: w[: n // 8].tobytes(), 1, 5)[0])] += 1
    assert set(counts.values()) == {8 + 3}


def test_uniform_asks_for_more_when_too_many_numbers_are_dropped() -> None:
    asked = []

    def source(n: int) -> bytes:
        asked.append(n)
        words = np.full(n // 8, 7, dtype="<u8")
        words[-1] = 4
        if len(asked) > 1:
            words[-3:] = 2
        return words.tobytes()

    assert codec.uniform(source, 3, 5).tolist() == [2, 2, 2]
    assert asked == [asked[0], 2 * asked[0]]


def test_a_prf_gives_its_holders_the_same_numbers_and_every_use_others() -> None:
    key = b"k" * 32
    first = Prf(derive(key, "one use"), 2**87 - 67)
    assert (
        first(b"op", (5,)).tolist() == Prf(derive(key, "one use"), 2**87 - 67)(b"op", (5,)).tolist() == first(b"op", 5)
    )
    others = [Prf(derive(key, "another use"), 2**87 - 67)(b"op", 5), first(b"po", 5)]
    assert not set(first(b"op", 5)) & set(itertools.chain(*others))
