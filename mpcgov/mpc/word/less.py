"""Comparison with zero for m = 3, t = 1: parties 1 and 2 see x behind a mask of party 3, and nothing else opens.

Parties 1 and 2 have summands of x, u and v (see `sign.summand`), and each has a mask in common with party 3, of the
same range, so that c = u + v + r becomes known to both of them, and r to party 3.

*Any x.* c and r are modulo p; over the integers 2x = c − r + w·p with w = [c < r]. p is odd, so 2x's lowest bit is c₀ ⊕
r₀ ⊕ w; and x < 0, which stands for x + p, exactly if 2x modulo p is odd: for −2^60 < x < 2^60.

*−2^k ≤ x < 2^k, k ≤ 58.* y = x + 2^k is below 2^(k+1), and y = u + v − w·p, where w = 0 exactly if both u and v are
below 2^(k+1): then u + v < 2^(k+2) < p, so there is no other; and if w = 0, neither is more than y. With a and b for
these two facts, which parties 1 and 2 know, w = 1 − a·b, and −w·p = w modulo 2^61. So only k + 1 bits count:
    y = c − r − a·b modulo 2^(k+1) with c = u + v + 1 + r,
and x < 0 exactly if its highest bit, which is c_k ⊕ r_k ⊕ the borrow out of the lower k bits, is 0.

*The borrow out of c − r.* Bits are taken by three. Of r's digit party 3 deals [r > j] for each j: then whether c's
digit is less than r's or equal to it are sums that parties 1 and 2 pick, as they know c. These and a·b become pieces;
then gates of two to four neighbours (`helped`) make one of all.

Rounds: 1 for c, 1 for the digits, ⌈log₄ of the leaves⌉ or so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from mpcgov.mpc.word import field, lanes
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.helped import Gate, Helped, Job, chain, every
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces, enter, summand
from mpcgov.mpc.word.wire import Channel

MOST_NARROW = BITS - 3
"""−2^k ≤ x < 2^k with k up to this needs k + 1 bits only."""
ALL = 2**64 - 1
ARITIES = (2, 3, 4)


def width(low: int, high: int) -> int:
    """The least k > 0 with −2^k ≤ low and high < 2^k."""
    return max(1, high.bit_length(), (-1 - low).bit_length())


@dataclass(frozen=True)
class Compared:
    """c at parties 1 and 2, r at party 3, as rows of bits, of which the borrow out of c − r is asked; and one bit more
    that is XORed to it. `borrow`: additive shares of what comes in at the lowest place, if anything may."""

    public: Words
    last: Words
    borrow: Words | None = None


async def negative_bits(channel: Channel, prss: Prss, x: Words, bits: int = BITS - 1) -> Pieces:
    """x < 0 as secret bits, one row: x 1-D shares of degree 1 of −2^bits ≤ x < 2^bits."""
    circuit = Helped(channel, prss, lanes.words_for(x.size))
    return await circuit.masked(await _found(circuit, await _compared(channel, prss, circuit, x, bits)))


async def open_negative(channel: Channel, prss: Prss, x: Words, bits: int = BITS - 1) -> Words:
    """As `negative_bits`, at every party, as a row of bits: only for outcomes that may be known."""
    circuit = Helped(channel, prss, lanes.words_for(x.size))
    share = await _found(circuit, await _compared(channel, prss, circuit, x, bits))
    row: Words = (await circuit.opened(share))[0]
    return row


async def wrapped(channel: Channel, prss: Prss, x: Words) -> tuple[Words, Pieces]:
    """c, at parties 1 and 2, and r, at party 3, with x = c − r + w·p over the integers 0 ≤ x < p; and w, one row."""
    circuit = Helped(channel, prss, lanes.words_for(x.size))
    value = await _behind_mask(channel, prss, circuit, x)
    rows = lanes.to_rows(value)
    return value, await circuit.masked(await _found(circuit, Compared(rows, np.zeros_like(rows[:1]))))


async def zero_bits(channel: Channel, prss: Prss, x: Words, bits: int = BITS) -> Pieces:
    """x = 0 as secret bits, one row: x 1-D shares of degree 1 of −2^bits ≤ x < 2^bits, or of anything.

    x = 0 exactly if u = −v. With x in bounds, u less −v, both 0 … p − 1, is x or x − p or x + p, which is x, x + 1 or x
    − 1 modulo 2^61: of those, only x = 0 gives 0 modulo 2^(bits + 1). Party 1 enters the complements of u's bits, party
    2 the bits of −v, and so many XORs must all be 1.
    """
    rows, words = min(BITS, bits + 1), lanes.words_for(x.size)
    own = None if prss.me == 2 else lanes.to_rows(field.scale(x, 2) if prss.me == 0 else x, rows)
    if own is not None and prss.me == 0:
        own = ~own
    same = (await enter(channel, prss, own, (rows, words))).total
    circuit = Helped(channel, prss, words)
    for arity in arities(rows, every):
        same = await _all_of(circuit, same, arity)
    return same


async def _all_of(circuit: Helped, bits: Pieces, arity: int) -> Pieces:
    full, rest = divmod(len(bits.left), arity)
    jobs: list[Job] = [(every(arity), [bits[place : full * arity : arity] for place in range(arity)])] if full else []
    if rest > 1:
        jobs.append((every(rest), [bits[place : place + 1] for place in range(full * arity, full * arity + rest)]))
    found = [output for (output,) in await circuit.layer(jobs)]
    if rest == 1:
        found.append(bits[full * arity :])
    return stacked(found)


def stacked(parts: Sequence[Pieces]) -> Pieces:
    """Rows of all, one after the other."""
    return Pieces(np.concatenate([part.left for part in parts]), np.concatenate([part.right for part in parts]))


# -- what is compared


async def _compared(channel: Channel, prss: Prss, circuit: Helped, x: Words, bits: int) -> Compared:
    if bits <= MOST_NARROW:
        return await _narrow(channel, prss, circuit, x, bits)
    rows = lanes.to_rows(await _behind_mask(channel, prss, circuit, field.scale(x, 2)))
    return Compared(rows, rows[:1] if prss.me != 1 else np.zeros_like(rows[:1]))


async def _found(circuit: Helped, compared: Compared) -> Words:
    """Additive shares, of parties 1 and 2, of what comes out of a comparison."""
    generate, propagate, rest = await _leaves(circuit, compared)
    return await carry_out(circuit, generate, propagate) ^ rest


async def _behind_mask(channel: Channel, prss: Prss, circuit: Helped, x: Words) -> Words:
    """c = x + r at parties 1 and 2, and r at party 3, modulo p. One round."""
    masks = [stream.elements(x.size) for stream in (circuit.of_first, circuit.of_second) if stream is not None]
    own = summand(prss, x)
    if own is None:
        return field.add(*masks)
    other, sent = 1 - prss.me, field.add(own, masks[0])
    taken = (await channel.exchange_elements({other: sent}, {other: x.size}))[other]
    return field.add(sent, taken)


async def _narrow(channel: Channel, prss: Prss, circuit: Helped, x: Words, bits: int) -> Compared:
    """c and r modulo 2^(bits + 1), the highest bit, flipped, and a·b."""
    rows, limit = bits + 1, np.uint64(1 << (bits + 1))
    masks = [circuit.rows(stream, rows) for stream in (circuit.of_first, circuit.of_second)]
    below = [circuit.rows(stream, 1) for stream in (circuit.of_first, circuit.of_second)]
    own = summand(prss, field.add(x, np.full(x.shape, 1 << bits, np.uint64)))
    if own is None:
        public, product = lanes.added(*masks), await circuit.deal(below[0] & below[1], 1)
        return Compared(public[:bits], public[bits:], product)
    mine = lanes.packed_bits(own < limit)
    sent = lanes.added(lanes.to_rows(own + np.uint64(prss.me == 0), rows), masks[prss.me])
    other = 1 - prss.me
    message = np.concatenate([sent, mine ^ below[prss.me]])
    taken = (await channel.exchange({other: message}, {other: message.size}))[other].reshape(message.shape)
    public = lanes.added(sent, np.ascontiguousarray(taken[:rows]))
    product = await circuit.deal(None, 1)  # not before our own is sent: party 3 may have begun no earlier than we
    # a·b = a·(b ⊕ its mask) ⊕ (a ⊕ its mask)·(b's mask) ⊕ the product of both masks
    borrow = product ^ (taken[rows:] & (mine if prss.me == 0 else below[1]))
    last = ~public[bits:] if prss.me == 0 else np.zeros_like(public[bits:])
    return Compared(public[:bits], last, borrow)


async def _leaves(circuit: Helped, compared: Compared) -> tuple[Pieces, Pieces, Words]:
    """Generate and propagate of the borrow, the lowest place first, where nothing propagates; and our share of the bit
    that is XORed to it. One round."""
    me, start, digits = circuit.me, 0, []
    for size, count in sizes(len(compared.public), compared.borrow is not None):
        rows = compared.public[start : start + size * count]
        digits.append((size, count, rows.reshape(count, size, -1)))
        start += size * count
    counts = [((1 << size) - 1) * count for size, count, _ in digits]
    known = None
    if me == 2:
        known = np.concatenate([*(np.concatenate(thresholds(rows)) for *_, rows in digits), compared.last])
    dealt = await circuit.deal(known, sum(counts) + 1)
    rest = dealt[-1:] if me == 2 else dealt[-1:] ^ compared.last
    shares, start = [], 0
    for (size, count, rows), end in zip(digits, np.cumsum(counts), strict=True):
        table = dealt[start:end].reshape((1 << size) - 1, count, -1)
        shares.append(picked(me, rows, table))
        start = end
    generates, propagates = (np.concatenate(parts) for parts in zip(*shares, strict=True))
    if compared.borrow is None:
        propagates = propagates[1:]
    else:
        generates = np.concatenate([compared.borrow, generates])
    pieces = await circuit.masked(np.concatenate([generates, propagates]))
    return pieces[: len(generates)], pieces[len(generates) :], rest


@cache
def sizes(bits: int, borrow: bool) -> list[tuple[int, int]]:
    """How many bits digits have, and how many there are of such: three, or, where that saves a round, some four."""
    leaves, depth = -(-bits // 3) + borrow, 0
    while 4 ** (depth + 1) < leaves:
        depth += 1
    fewer = 4**depth - borrow
    if fewer < bits <= 4 * fewer:
        found = [(3, 4 * fewer - bits), (4, bits - 3 * fewer)]
    else:
        found = [(3, bits // 3), (bits % 3, 1)]
    return [(size, count) for size, count in found if size and count]


def thresholds(digits: Words) -> Words:
    """[d > j] for all j but the greatest, of digits of shape (count, size, words): shape (2^size − 1, count, words)."""
    above = [digits[:, 0]]
    for bit in range(1, digits.shape[1]):
        high = digits[:, bit]
        above = [*(row | high for row in above), high, *(row & high for row in above)]
    return np.stack(above)


def picked(me: int, digits: Words, table: Words) -> tuple[Words, Words]:
    """Our shares of [c < r] and [c = r], by digit: entry c of the table, and what is between entries c − 1 and c."""
    if me == 2:
        none = np.zeros_like(digits[:, 0])
        return none, none
    return lanes.picked(digits, table, ALL if me == 0 else 0)


# -- the tree


async def carry_out(circuit: Helped, generate: Pieces, propagate: Pieces) -> Words:
    """Additive shares, of parties 1 and 2, of the carry out of two places or more, from whether each makes one and,
    but for the lowest, passes one on; the lowest first. A round for each level but the last."""
    *levels, last = arities(len(generate.left), chain)
    for arity in levels:
        generate, propagate = await _level(circuit, generate, propagate, arity)
    ((share,),) = await circuit.shares([(chain(last, True), _wires(generate, propagate, 0, last, 1))])
    return share


async def _level(circuit: Helped, generate: Pieces, propagate: Pieces, arity: int) -> tuple[Pieces, Pieces]:
    """Neighbours as one, so many at a time. One round."""
    full, rest = divmod(len(generate.left), arity)
    jobs: list[Job] = [(chain(arity, True), _wires(generate, propagate, 0, arity, 1))]
    if full > 1:
        jobs.append((chain(arity, False), _wires(generate, propagate, arity, arity, full - 1)))
    if rest > 1:
        jobs.append((chain(rest, False), _wires(generate, propagate, arity * full, rest, 1)))
    first, *others = await circuit.layer(jobs)
    generates, propagates = [first[0], *(one[0] for one in others)], [one[1] for one in others]
    if rest == 1:
        generates.append(generate[arity * full :])
        propagates.append(propagate[arity * full - 1 :])
    return stacked(generates), stacked(propagates)


def _wires(generate: Pieces, propagate: Pieces, start: int, length: int, count: int) -> list[Pieces]:
    """The wires of `chain`: of so many chains, from position `start` on."""
    end, wires = start + length * count, []
    for place in reversed(range(length)):
        wires.append(generate[start + place : end : length])
        if start + place:  # of position 0 there is none; of position i it is in row i − 1
            wires.append(propagate[start + place - 1 : end - 1 : length])
    return wires


@cache
def arities(count: int, gate: Callable[[int], Gate]) -> tuple[int, ...]:
    """How many neighbours become one, level by level: in the fewest rounds, and then with the fewest bits."""
    if count == 1:
        return ()
    depth = 1
    while True:
        fit = [levels for levels in product(ARITIES, repeat=depth) if _left(count, levels) == 1]
        if fit:
            return min(fit, key=lambda levels: _bits(count, levels, gate))
        depth += 1


def _left(count: int, levels: Sequence[int]) -> int:
    for arity in levels:
        if arity > count:
            return 0
        count = -(-count // arity)
    return count


def _bits(count: int, levels: Sequence[int], gate: Callable[[int], Gate]) -> int:
    total = 0
    for arity in levels:
        full, rest = divmod(count, arity)
        total += full * gate(arity).sent_bits + (gate(rest).sent_bits if rest > 1 else 0)
        count = full + (rest > 0)
    return total
