"""What a party receives while bits are compared in lanes: exactly uniform, in the code itself and on toy primes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcgov.mpc.word import binary, lanes, rounding, sign
from mpcgov.mpc.word.field import BITS
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.wire import Channel
from tests.mpc.word.local import make_parties, run, share

PAIRS = ((0, 1), (1, 2), (0, 2))
ONES = np.uint64(2**64 - 1)


class Flipped:
    """A stream of words that are the same in all lanes, but that row r is flipped in lane `first`() + r.

    `first` is told how many rows there are.
    """

    def __init__(self, seed: int, words: int, first: Callable[[int], int] | None) -> None:
        self.seed, self.lane_words, self.first = seed, words, first

    def words(self, count: int) -> np.ndarray:
        words = self.lane_words
        rows = count // words
        bits = np.random.default_rng(self.seed).integers(0, 2, rows).astype(np.uint64)
        drawn = np.repeat(bits * ONES, words).reshape(rows, words)
        if self.first is not None:
            first = self.first(rows)
            for row in range(rows):
                lane = first + row
                drawn[row, lane // 64] ^= np.uint64(1) << np.uint64(lane % 64)
        return drawn.reshape(-1)


def received(monkeypatch: pytest.MonkeyPatch, protocol: Any, party: int, value: int, seed: int) -> np.ndarray:
    """All that a party receives, a row for each bit and a column for each lane.

    Lane 0 is as it is; in lane k mask row k − 1 of the key that the party lacks is flipped: of `enter`, then of `bits`,
    circuit by circuit.
    """
    lacks = tuple(q for q in range(3) if q != party)
    entered, words = protocols[protocol]
    enters = entered if party < 2 else 0
    firsts: dict[int, int] = {}
    after = [1 + enters]

    def stream(_self: Prss, subset: tuple[int, ...], use: str, number: int) -> Flipped:
        def first(rows: int) -> int:
            if use == "enter":
                return 1
            if number not in firsts:
                firsts[number], after[0] = after[0], after[0] + rows
            return firsts[number]

        lacking = subset == lacks and (use == "bits" or enters)
        return Flipped(seed + 10 * PAIRS.index(subset) + len(use) + 100 * number, words, first if lacking else None)

    monkeypatch.setattr(Prss, "stream", stream)
    count = 64 * words
    shares = [np.full(count, int(row[0]), np.uint64) for row in share([value], 3, 1)]
    parties = make_parties(3)
    run(parties, lambda q: protocol(q.channel(), q.prss, shares[q.me]))
    messages = [
        np.frombuffer(message, np.uint64).reshape(-1, words)
        for (_, to, label), message in sorted(parties[0].network.messages.items(), key=lambda item: item[0][2])
        if to == party
    ]
    return np.stack([lanes.from_row(row, count) for message in messages for row in message])


async def leading(channel: Channel, prss: Prss, x: np.ndarray) -> Any:
    """What numbers of several limbs go through, one circuit after the other."""
    bits = await binary.bits_of(channel, prss, x)
    total = await binary.added(channel, prss, [bits, bits, bits])
    above = await binary.any_above(channel, prss, total)
    return await binary.all_of(channel, prss, await binary.inner_products(channel, prss, above[:59], total, [0, 1, -1]))


protocols: dict[Any, tuple[int, int]] = {
    sign.negative_bits: (lanes.INPUT_ROWS, 4),
    sign.zero_bits: (BITS, 4),
    leading: (BITS, 32),
}
"""Rows that the parties 1 and 2 enter, and enough words for a lane for each bit."""


@pytest.mark.parametrize("value", [0, -5, 2**59 - 1])
@pytest.mark.parametrize("party", [0, 1, 2])
@pytest.mark.parametrize("protocol", protocols)
def test_each_bit_that_a_party_receives_has_a_mask_bit_of_its_own_of_the_key_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, protocol: Any, party: int, value: int
) -> None:
    """Flipping mask row k flips bit k and no earlier one. So, whatever the party has and whatever is compared, its
    messages run through all values as the unknown stream does: each exactly once."""
    rows = received(monkeypatch, protocol, party, value, seed=value % 97)
    assert 1 + len(rows) <= 64 * protocols[protocol][1]
    for k in range(len(rows)):
        differs = rows[: k + 1, 0] != rows[: k + 1, 1 + k]
        assert differs[k], k
        assert not differs[:k].any(), k
    assert (rows[:, 0] == rows[:, 1 + len(rows)]).all()  # a lane whose masks are as they are


# -- pairs of bits as leaves, modulo 31: every outcome of the key that a party lacks

TOY, TOY_BITS = 31, 5


def spread(value: int) -> list[int]:
    bits = [value >> i & 1 for i in range(TOY_BITS)]
    return [*bits, bits[0] & bits[1], bits[2] & bits[3]]


def compared(u: int, v: int, enter: dict[str, Any], mask: dict[str, Any]) -> tuple[Any, dict[int, list[Any]]]:
    """[u + v ≥ 31] by two pairs of bits and the top bit; pieces by pair of parties, and what each party receives.

    Written from the protocol's text: `enter` and `mask` have the bits of the three pairs' keys.
    """
    u13, v23 = enter["13"], enter["23"]
    u12 = [bit ^ key for bit, key in zip(spread(u), u13, strict=True)]
    v12 = [bit ^ key for bit, key in zip(spread(v), v23, strict=True)]
    got: dict[int, list[Any]] = {1: list(v12), 2: list(u12), 3: []}
    used = itertools.count()

    def shared(of_1: Any, of_2: Any, of_3: Any) -> dict[str, Any]:
        k = next(used)
        pieces = {
            "12": of_1 ^ mask["12"][k] ^ mask["13"][k],
            "23": of_2 ^ mask["23"][k] ^ mask["12"][k],
            "13": of_3 ^ mask["13"][k] ^ mask["23"][k],
        }
        for receiver, pair in ((2, "12"), (3, "23"), (1, "13")):
            got[receiver].append(pieces[pair])
        return pieces

    def times(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
        of = [(x[a] & y[a]) ^ (x[a] & y[b]) ^ (x[b] & y[a]) for a, b in (("12", "13"), ("23", "12"), ("13", "23"))]
        return shared(*of)

    def both(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
        return {pair: x[pair] ^ y[pair] for pair in x}

    def inner(terms: list[tuple[int, int]]) -> dict[str, Any]:
        sums = []
        for left, right in ((spread(u), v12), (u12, v23), (u13, v23)):
            total = 0
            for i, j in terms:
                total = total ^ (left[i] & right[j])
            sums.append(total)
        return shared(*sums)

    entered = [{"12": a ^ b, "13": c, "23": d} for a, b, c, d in zip(u12, v12, u13, v23, strict=True)]
    low = both(inner([(1, 1), (5, 0), (0, 5), (1, 0), (0, 1)]), entered[5])  # generate and propagate: the + 1 comes in
    high_generates = inner([(3, 3), (6, 2), (2, 6)])
    high_propagates = both(inner([(3, 2), (2, 3)]), entered[6])
    top_generates = inner([(4, 4)])
    middle = both(times(high_propagates, low), high_generates)
    carry = both(times(entered[4], middle), top_generates)
    return carry, got


KEYS = {1: ("12", "13"), 2: ("12", "23"), 3: ("13", "23")}
LACKS = {1: "23", 2: "13", 3: "12"}


@pytest.mark.parametrize("party", [1, 2, 3])
def test_modulo_31_a_party_receives_every_sequence_of_bits_once_whatever_the_value(party: int) -> None:
    rng = np.random.default_rng(party)
    entering = 7 if LACKS[party] in ("13", "23") else 0
    outcomes = np.arange(1 << (entering + 6))
    unknown = [outcomes >> i & 1 for i in range(entering + 6)]
    for value, slope in itertools.product(range(TOY), range(0, TOY, 6)):
        u, v = 2 * (value + slope) % TOY, -(value + 2 * slope) % TOY
        known = rng.integers(0, 2, (4, 7))
        enter = {"13": list(known[0]), "23": list(known[1])}
        mask = {pair: list(rng.integers(0, 2, 6)) for pair in PAIR_NAMES}
        mask[LACKS[party]] = unknown[entering:]
        if entering:
            enter[LACKS[party]] = unknown[:entering]
        carry, got = compared(u, v, enter, mask)
        assert ((carry["12"] ^ carry["13"] ^ carry["23"]) == int(u + v >= TOY)).all()
        view = sum(np.broadcast_to(bit, outcomes.shape) << i for i, bit in enumerate(got[party]))
        assert len(got[party]) == entering + 6
        assert (np.sort(view) == outcomes).all()


PAIR_NAMES = ("12", "23", "13")


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
