"""Secret whole numbers for m = 3, t = 1 as summands modulo 2^rows, of parties 1 and 2: sums of words, and products.

*Words.* x, −2^59 ≤ x < 2^59, is u + v − 2^59 − w·p, u and v known to parties 1 and 2 (see `sign.summand`), with
w = 1 − a·b: a and b say whether u and v are below 2^60, for then u + v < p, and else it isn't (see `less`). Each hides
its bit by a mask that it has in common with party 3, which deals the product of both masks. So they come to summands of
a·b, and by themselves to those of Σ limbs[k] · 2^(k·radix_bits).

*Products.* Each adds a mask that it has in common with party 3 to its summand, and sends it to the other: both know c =
x + r, and party 3 r. Party 3 deals the products of masks, and (c − r)·(d − s) is linear in r, s and r·s (Beaver, CRYPTO
1991, with party 3 as the dealer).

Party 3 has no summand, here zeros, and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.word import field, lanes, ring
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.helped import Helped
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces, summand
from mpcgov.mpc.word.subtract import bits_of_difference
from mpcgov.mpc.word.wire import Channel

LIFT = 1 << 59
_LIMIT = np.uint64(1 << 60)


@dataclass(frozen=True)
class Form:
    """How a sum is given: by so many limbs; and how long it is, its sign's bit included."""

    limbs: int
    radix_bits: int
    bits: int


Formula = tuple[int, ...]
"""The sums, by place, that a number is made of: a, or a · b, or a · b − c · d."""


@dataclass(frozen=True)
class _Hidden:
    """c at parties 1 and 2 and r at party 3, as rows of bits; and what parties 1 and 2 have of r."""

    circuit: Helped
    public: Words
    part: Words


class Summands:
    """One batch of numbers modulo 2^rows, rows being four or more; arrays of shape (digits, …) as in `ring`."""

    def __init__(self, channel: Channel, prss: Prss, rows: int) -> None:
        self._channel, self._prss, self._me = channel, prss, prss.me
        self.rows, self._digits = rows, max(2, ring.digits_for(rows))

    async def of_limbs(self, limbs: Words, forms: Sequence[Form]) -> Words:
        """Sums, from their limbs in turn, the lowest first, of degree 1 and −2^59 … 2^59 − 1. Limbs of shape (limbs,
        n), sums of shape (digits, sums, n). One round."""
        own = summand(self._prss, field.add(limbs, np.full(limbs.shape, LIFT, np.uint64)))
        low = await self._both_low(own, limbs.size)
        if own is None:
            return np.zeros((self._digits, len(forms), limbs.shape[1]), np.uint64)
        values = ring.add(ring.of_words(own.reshape(-1), self._digits), ring.scale(low, P))
        values = values.reshape(self._digits, *limbs.shape)
        if self._me == 0:
            values = ring.add_constant(values, -LIFT - P)
        found, first = [], 0
        for form in forms:
            total = values[:, first]
            for k in range(1, form.limbs):
                total = ring.add(total, ring.scale(values[:, first + k], 1 << (form.radix_bits * k)))
            first += form.limbs
            found.append(total)
        return np.stack(found, axis=1)

    async def _both_low(self, own: Words | None, count: int) -> Words:
        """Summands of a·b = (A + (1 − 2A)·α) · (B + (1 − 2B)·β), with α and β what hides a and b, and A and B what is
        sent: of a·B + (1 − 2A)·(1 − 2B)·αβ and (1 − 2B)·(A·β + (1 − 2A)·αβ)."""
        circuit = self._circuit(count)
        masks = [circuit.rows(stream, 1) for stream in (circuit.of_first, circuit.of_second)]
        if own is None:
            both = np.zeros((self.rows, circuit.words), np.uint64)
            both[:1] = masks[0] & masks[1]
            return await self._dealt(circuit, both, count)
        low = lanes.packed_bits(own.reshape(-1) < _LIMIT)
        sent, other = low ^ masks[self._me], 1 - self._me
        taken = (await self._channel.exchange({other: sent}, {other: sent.size}))[other]
        dealt = await self._dealt(circuit, None, count)
        a, b = (lanes.from_row(row, count) for row in ((sent, taken) if self._me == 0 else (taken, sent)))
        if self._me == 0:
            mine = lanes.from_row(low, count) & b
            return ring.add(ring.signed(dealt, a ^ b), ring.of_words(mine, self._digits))
        mine = lanes.from_row(masks[1], count) & a
        return ring.signed(ring.add(ring.signed(dealt, a), ring.of_words(mine, self._digits)), b)

    async def formed(self, sums: Words, formulas: Sequence[Formula]) -> Words:
        """Numbers that are made of sums: shape (digits, numbers, n). One round, if any is a product."""
        result = sums[:, [formula[0] for formula in formulas]]
        made = [place for place, formula in enumerate(formulas) if len(formula) > 1]
        if not made:
            return result
        factors, count = sorted({place for k in made for place in formulas[k]}), sums.shape[2]
        hidden = await self._behind_masks(sums[:, factors])
        places = [tuple(factors.index(place) for place in formulas[k]) for k in made]
        shape = self._digits, len(factors), count
        public = ring.from_rows(hidden.public, shape[1] * count, self._digits).reshape(shape)
        known = None
        if self._me == 2:
            products = _formed(public, public, places)
            known = ring.to_rows(products.reshape(self._digits, -1), self.rows)
        dealt = (await self._dealt(self._circuit(len(made) * count), known, len(made) * count)).reshape(
            self._digits, len(made), count
        )
        if self._me == 2:
            return result
        part = ring.from_rows(hidden.part, shape[1] * count, self._digits).reshape(shape)
        mask = ring.subtract(np.zeros_like(part), part)
        other = ring.add(public, mask) if self._me == 0 else mask
        both = ring.add(_formed(public, other, places), _formed(mask, public, places))
        result[:, made] = ring.add(both, dealt)
        return result

    async def bits(self, numbers: Words) -> Pieces:
        """All bits of numbers, in two's complement: those of shape (digits, numbers, n) side by side in lanes. Three
        rounds, and one for each level."""
        hidden = await self._behind_masks(numbers)
        return await bits_of_difference(hidden.circuit, hidden.public)

    def _circuit(self, count: int) -> Helped:
        return Helped(self._channel, self._prss, lanes.words_for(count))

    async def _behind_masks(self, numbers: Words) -> _Hidden:
        """One round."""
        own = numbers.reshape(self._digits, -1)
        circuit = self._circuit(own.shape[1])
        masks = [circuit.rows(stream, self.rows) for stream in (circuit.of_first, circuit.of_second)]
        if self._me == 2:
            return _Hidden(circuit, lanes.added(*masks), masks[0])
        mask, other = masks[self._me], 1 - self._me
        sent = lanes.added(ring.to_rows(own, self.rows), mask)
        taken = (await self._channel.exchange({other: sent}, {other: sent.size}))[other]
        return _Hidden(circuit, lanes.added(sent, taken.reshape(sent.shape)), mask)

    async def _dealt(self, circuit: Helped, known: Words | None, count: int) -> Words:
        """Summands of integers that party 3 knows, as rows of bits. What it sends is there in time."""
        drawn = circuit.rows(circuit.of_first, self.rows)
        if known is not None:
            await self._channel.ahead({1: lanes.added(known, drawn)}, {})
            return np.zeros((self._digits, count), np.uint64)
        if self._me == 1:
            drawn = (await self._channel.ahead({}, {2: drawn.size}))[2].reshape(drawn.shape)
            return ring.from_rows(drawn, count, self._digits)
        found = ring.from_rows(drawn, count, self._digits)
        return ring.subtract(np.zeros_like(found), found)


def _formed(x: Words, y: Words, formulas: Sequence[Formula]) -> Words:
    """x[a] · y[b], less x[c] · y[d], for each formula."""
    found = []
    for formula in formulas:
        one = ring.multiply(x[:, formula[0]], y[:, formula[1]])
        if len(formula) > 2:
            one = ring.subtract(one, ring.multiply(x[:, formula[2]], y[:, formula[3]]))
        found.append(one)
    return np.stack(found, axis=1)
