"""What a party receives while bits are compared in lanes: exactly uniform, in the code itself and on toy primes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mpcgov.mpc.word import decide, helped, lanes, less, rounding, sign, wholes
from mpcgov.mpc.word.leading import _of_right
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.summands import Form
from mpcgov.mpc.word.wholes import Made
from mpcgov.mpc.word.wire import Channel
from tests.mpc.word.local import make_parties, run, share

PAIRS = ((0, 1), (1, 2), (0, 2))
ONES = np.uint64(2**64 - 1)


class Masks:
    """What a party's lacking keys expand to: the same bits in all lanes, but that each row is flipped in one lane of
    its own, the first row in lane 1; or, `counted`, that row k is bit k of the lane's number. Elements are the same in
    all lanes."""

    def __init__(self, seed: int, words: int, counted: bool) -> None:
        self.seed, self.words, self.counted = seed, words, counted
        self.rows: dict[tuple[str, int, int], np.ndarray] = {}

    def row(self, use: str, number: int, place: int) -> np.ndarray:
        """Asked for in the order in which parties draw; the same for both parties that have the key."""
        key = use, number, place
        if key not in self.rows:
            lanes_of = np.arange(64 * self.words)
            k, bit = len(self.rows), np.random.default_rng(self.seed + len(self.rows)).integers(0, 2)
            found = (lanes_of >> k & 1) if self.counted else bit ^ (lanes_of == k + 1)
            self.rows[key] = np.packbits(found.astype(np.uint8), bitorder="little").view(np.uint64)
        return self.rows[key]


class Drawn:
    """One stream: of the lacking key, with `masks`, or of one that is the same in all lanes."""

    def __init__(self, seed: int, words: int, use: str, number: int, masks: Masks | None) -> None:
        self.random, self.lane_words, self.masks = np.random.default_rng(seed), words, masks
        self.use, self.number, self.place = use, number, 0

    def words(self, count: int) -> np.ndarray:
        rows = count // self.lane_words
        if self.masks is None:
            return np.repeat(self.random.integers(0, 2, rows).astype(np.uint64) * ONES, self.lane_words)
        start, self.place = self.place, self.place + rows
        return np.concatenate([self.masks.row(self.use, self.number, k) for k in range(start, self.place)])

    def elements(self, count: int) -> np.ndarray:
        return np.full(count, self.random.integers(0, 2**60), np.uint64)


def received(
    monkeypatch: pytest.MonkeyPatch, protocol: Any, party: int, value: int, words: int, counted: bool = False
) -> tuple[np.ndarray, int]:
    """All bits that a party receives, a row for each and a column for each lane; and how many mask rows there are of
    the key that it lacks."""
    lacks = tuple(q for q in range(3) if q != party)
    masks = Masks(value % 97, words, counted)

    def stream(_self: Prss, subset: tuple[int, ...], use: str, number: int) -> Drawn:
        seed = value % 97 + 10 * PAIRS.index(subset) + 1000 * len(use) + 100 * (number & 1023)
        return Drawn(seed, words, use, number, masks if subset == lacks else None)

    monkeypatch.setattr(Prss, "stream", stream)
    count = 64 * words
    shares = [np.full(count, int(row[0]), np.uint64) for row in share([value], 3, 1)]
    parties = make_parties(3)
    run(parties, lambda q: protocol(q.channel(), q.prss, shares[q.me]))
    messages = [
        np.frombuffer(message, np.uint64)
        for (_, to, _), message in sorted(parties[0].network.messages.items(), key=lambda item: item[0][2])
        if to == party and len(message) != 8 * count  # elements, which are masked by elements
    ]
    rows = [row for message in messages for row in message.reshape(-1, words)]
    return np.array([lanes.from_row(row, count) for row in rows]).reshape(len(rows), count), len(masks.rows)


async def significand(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    """What numbers made of sums go through: of two limbs, multiplied, above a floor; to two bits."""
    made = [Made((0, 1, 1, 1), 11, floor=0), Made((1,), 9)]
    limbs = np.stack([x, x, x])
    return await wholes.kept_bits(channel, prss, limbs, [Form(2, 4, 5), Form(1, 0, 9)], made, 2, 1)


async def few_bits(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    return await less.negative_bits(channel, prss, x, 32)


async def two_bits(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    return await less.negative_bits(channel, prss, x, 2)


async def few_bits_zero(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    return await less.zero_bits(channel, prss, x, 32)


async def of_right(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    """Six places of two bits each: whether both are 1 there and at all places after it."""
    bits = [await less.negative_bits(channel, prss, x, 2) for _ in range(12)]
    circuit = helped.Helped(channel, prss, lanes.words_for(x.size))
    return await _of_right(circuit, [less.stacked(bits[:6]), less.stacked(bits[6:])], 1)


LANE_WORDS: dict[Any, int] = {less.negative_bits: 8, few_bits: 8, less.zero_bits: 8, few_bits_zero: 8, significand: 16}


async def questions(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    """Bits of comparisons as far as they are answers, before they go to the field."""
    bits = await less.negative_bits(channel, prss, x, 2)
    circuit = helped.Helped(channel, prss, lanes.words_for(x.size))
    held = less.stacked([bits] * 6)
    return await decide._every(circuit, held, [[0, 1, 2, 3, 4], [5], [1, 2]])


LANE_WORDS |= {of_right: 8, questions: 8}
"""Enough words for a lane for each mask bit."""


@pytest.mark.by_day(18)
@pytest.mark.parametrize("value", [0, -5, 2**31 - 1])
@pytest.mark.parametrize("party", [0, 1, 2])
@pytest.mark.parametrize("protocol", LANE_WORDS)
def test_each_bit_that_a_party_receives_has_a_mask_bit_of_its_own_of_the_key_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, protocol: Any, party: int, value: int
) -> None:
    """The last mask bit, as they are drawn, that changes a received bit is another for each. As masks are added, which
    the code's form shows and one base point can't, the party receives each sequence exactly once."""
    rows, masks = received(monkeypatch, protocol, party, value, LANE_WORDS[protocol])
    assert len(rows) == masks < 64 * LANE_WORDS[protocol] - 1
    own = [np.flatnonzero(row[1 : 1 + masks] != row[0])[-1] for row in rows]
    assert sorted(own) == list(range(masks))
    assert (rows[:, 0] == rows[:, 1 + masks]).all()  # a lane whose masks are as they are
    if party == 2:
        assert not masks


@pytest.mark.by_day(4)
@pytest.mark.parametrize("value", [0, -1, -4, 3])
@pytest.mark.parametrize("party", [0, 1])
def test_a_party_receives_every_sequence_of_bits_once_whatever_the_value(
    monkeypatch: pytest.MonkeyPatch, party: int, value: int
) -> None:
    """All of it, for numbers of two bits and a sign: each lane has another outcome of the key that the party lacks."""
    bits = (3 + 1) + (3 + 1) + (0 if party == 0 else 1 + 4 + 1)  # c, one fact, leaves, the result; what is dealt
    rows, masks = received(monkeypatch, two_bits, party, value, (1 << bits) // 64 or 1, counted=True)
    assert len(rows) == masks == bits
    views = sum(row[: 1 << bits].astype(np.int64) << k for k, row in enumerate(rows))
    assert (np.sort(views) == np.arange(1 << bits)).all()


@pytest.mark.parametrize("value", [0, -5, 2**31 - 1])
def test_what_is_opened_to_the_third_party_is_the_outcome_behind_a_mask_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, value: int
) -> None:
    async def open_it(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
        return await less.open_negative(channel, prss, x, 32)

    rows, masks = received(monkeypatch, open_it, 2, value, 1)
    assert (len(rows), masks) == (2, 1)
    assert (rows[0] ^ rows[1] == int(value < 0)).all()
    assert (rows[:, 1] != rows[:, 0]).all()
    assert (rows[:, 2:] == rows[:, :1]).all()


class Counted:
    """A stream of fixed elements, of which one is greater by 1."""

    def __init__(self, changed: int | None) -> None:
        self.changed, self.place = changed, 0

    def elements(self, count: int) -> np.ndarray:
        places = np.arange(self.place, self.place + count)
        self.place += count
        return (977 * places + 5 + (places == self.changed)).astype(np.uint64)


@pytest.mark.parametrize("party", [0, 1, 2])
def test_each_element_on_the_way_to_the_field_has_one_of_the_key_that_its_receiver_lacks(
    monkeypatch: pytest.MonkeyPatch, party: int
) -> None:
    """Of numbers with a sign and without: the last drawn element that changes a received one is another for each."""
    bits, signs = np.array([[1, 0], [0, 0], [1, 1]], np.uint64), np.array([[1, 0]], np.uint64)
    lacks = tuple(q for q in range(3) if q != party)
    numbers = [
        sign.Number(sign.Pieces(bits, bits), [1, 2, 4], sign.Pieces(signs, signs)),
        sign.Number(sign.Pieces(bits, bits), [1, 1, 1]),
    ]

    def messages(changed: int | None) -> list[int]:
        def stream(_self: Prss, subset: tuple[int, ...], use: str, number: int) -> Counted:
            return Counted(changed if subset == lacks else None)

        monkeypatch.setattr(Prss, "stream", stream)
        parties = make_parties(3)
        run(parties, lambda q: sign.weighed(q.channel(), q.prss, numbers, ahead=True))
        received = [(label, m) for (_, to, label), m in sorted(parties[0].network.messages.items()) if to == party]
        return [int(x) for _, message in received for x in np.frombuffer(message, np.uint64)]

    usual = messages(None)
    assert len(usual) == (4, 4 + 2 * (4 + 3), 0)[party]
    changes = [messages(changed) for changed in range(len(usual))]
    last = [max(k for k, change in enumerate(changes) if change[place] != x) for place, x in enumerate(usual)]
    assert sorted(last) == list(range(len(usual)))


# -- rounding opens nothing and is made of parts whose views are these


def test_rounding_for_three_parties_is_made_of_carries_dealings_and_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages of a rounding, by length and order, are those of its parts, whatever the values."""
    lengths = set()
    for value in (0, 7, -(2**40), 2**58):
        shares = share([value] * 100, 3, 1)
        parties = make_parties(3)
        run(
            parties,
            lambda q, shares=shares: rounding.round_to(q.channel(), q.prss, shares[q.me], -(2**58), 2**58, 10**6),
        )
        messages = parties[0].network.messages
        lengths.add(tuple((a, b, len(message)) for (a, b, _), message in sorted(messages.items())))
    assert len(lengths) == 1


@pytest.mark.parametrize(("p", "bits"), [(7, 3), (31, 5)])
def test_a_mask_of_bits_opens_what_is_within_one_part_in_p_of_uniform_and_leaves_the_remainder(
    p: int, bits: int
) -> None:
    """All values, masks and bases; both the sum of the code, and the steps by which it is brought below the base."""
    for base in range(1, p):
        for z in range(p):
            opened = np.zeros(p, int)
            for r in range(1 << bits):
                c = (z + r) % p
                opened[c] += 1
                s = c % base + sum((r >> i & 1) * (-(1 << i) % base) for i in range(bits)) + (c < r) * (p % base)
                for multiple in (base << k for k in range(bits - 1, -1, -1)):
                    s -= multiple * (s >= multiple)
                assert s == z % base
            assert np.abs(opened / (1 << bits) - 1 / p).sum() / 2 < 1 / (1 << bits)
