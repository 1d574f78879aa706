"""Gates of several secret bits in one round for m = 3, t = 1: parties 1 and 2 compute, and party 3 helps.

A secret bit is the XOR of three pieces (see `sign`). So the piece d of parties 1 and 2 is the bit behind a mask, of
which each of them has one part, from its key with party 3, and party 3 the whole, m. A product of bits is
    Π (dᵢ ⊕ mᵢ) = ⊕_S Π_{i ∉ S} dᵢ · Π_{i ∈ S} mᵢ,
a sum of what parties 1 and 2 know times products of masks. Party 3 knows those, for the masks of what comes out of a
gate are drawn in advance, and deals each as two pieces: one is its key's with party 1, the other it sends to party 2.
Then parties 1 and 2 have an additive share each of what a gate gives, for any number of inputs. They exchange these
behind a fresh mask, a part each from its key with party 3: what comes out is again three pieces (after Beaver, CRYPTO
1991, with party 3 as the dealer; gates of more than two inputs as in Patra, Schneider, Suresh and Yalame, USENIX
Security 2021).

What party 2 receives is masked by fresh bits of the key of {1, 3}, what party 1 receives by fresh bits of that of
{2, 3}: uniform, and independent of what came before. Party 3 receives nothing until something is opened to all. It
waits for nobody, so what it sends is there in time, and is no round of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces, third_keys
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel

Monomial = frozenset[int]
Sum = frozenset[Monomial]
"""A sum of products of wires, modulo 2."""


@dataclass(frozen=True)
class Gate:
    """Sums of products of so many wires, one for each output."""

    wires: int
    outputs: tuple[Sum, ...]

    @property
    def dealt(self) -> int:
        """How many products of masks party 3 deals."""
        return len(_plan(self).groups)

    @property
    def sent_bits(self) -> int:
        """Bits that all parties together send."""
        return self.dealt + 2 * len(self.outputs)


@dataclass(frozen=True)
class _Plan:
    """For each output what the dᵢ, as a sum of products, are multiplied with: nothing, one mask, or a sum of products
    of masks that all have the same factor."""

    public: tuple[Sum, ...]
    single: tuple[tuple[Sum, ...], ...]
    groups: tuple[tuple[tuple[Monomial, ...], tuple[Sum, ...]], ...]


@cache
def _plan(gate: Gate) -> _Plan:
    found: dict[Monomial, list[Sum]] = {}
    for place, output in enumerate(gate.outputs):
        for monomial in output:
            for size in range(len(monomial) + 1):
                for masks in map(frozenset, combinations(sorted(monomial), size)):
                    factors = found.setdefault(masks, [frozenset()] * len(gate.outputs))
                    factors[place] ^= {monomial - masks}
    none = [frozenset[Monomial]()] * len(gate.outputs)
    single = tuple(tuple(found.get(frozenset({wire}), none)) for wire in range(gate.wires))
    groups: dict[tuple[Sum, ...], list[Monomial]] = {}
    for masks, factors in found.items():
        if len(masks) > 1:
            groups.setdefault(tuple(factors), []).append(masks)
    together = tuple((tuple(masks), factors) for factors, masks in groups.items())
    return _Plan(tuple(found.get(frozenset(), none)), single, together)


@cache
def chain(length: int, lowest: bool = False) -> Gate:
    """Generate and propagate of so many neighbours as one, of the lowest ones generate only.

    Wires: generate and propagate of each, the highest first; the lowest ones' last propagate isn't there.
    """
    generates = [frozenset({*range(1, 2 * k, 2), 2 * k}) for k in range(length)]
    outputs = [frozenset(generates)]
    if not lowest:
        outputs.append(frozenset({frozenset(range(1, 2 * length, 2))}))
    return Gate(2 * length - lowest, tuple(outputs))


@cache
def every(length: int) -> Gate:
    """AND."""
    return Gate(length, (frozenset({frozenset(range(length))}),))


class _Products:
    """Products of rows, each made once."""

    def __init__(self, rows: Sequence[Words]) -> None:
        self._known: dict[Monomial, Words] = {frozenset({wire}): row for wire, row in enumerate(rows)}

    def of(self, wires: Monomial) -> Words:
        """The product of some rows, of at least one."""
        if wires not in self._known:
            last = max(wires)
            self._known[wires] = self.of(wires - {last}) & self._known[frozenset({last})]
        return self._known[wires]

    def sum(self, products: Sum) -> Words:
        """The sum of such products."""
        first, *others = (self.of(wires) for wires in products)
        total = first.copy()
        for other in others:
            total ^= other
        return total

    def add(self, total: Words, factors: Sum, row: Words) -> None:
        """Add the factors times a row."""
        if frozenset() in factors:
            total ^= row
        if rest := factors - {frozenset()}:
            total ^= self.sum(rest) & row


Job = tuple[Gate, Sequence[Pieces]]
"""A gate, and its wires: of each the same number of rows, for as many gates side by side."""


class Helped:
    """One batch of gates in lanes, in words of so many: see above."""

    def __init__(self, channel: Channel, prss: Prss, words: int) -> None:
        number = channel.draw()
        self.me, self.words = prss.me, words
        self._channel = channel
        self.of_first, self.of_second = third_keys(prss, "help", number)
        self._hidden = None if self.me == 2 else prss.pair(1 - self.me, "help", number)

    def rows(self, stream: Stream | None, count: int) -> Words:
        """The next rows of a key; of one that we lack 0."""
        if stream is None:
            return np.zeros((count, self.words), np.uint64)
        return stream.words(count * self.words).reshape(count, self.words)

    async def deal(self, own: Words | None, count: int) -> Words:
        """Additive shares, of parties 1 and 2, of rows that party 3 knows; its own are 0."""
        drawn = self.rows(self.of_first, count)
        if self.me == 2 and own is not None:
            await self._channel.ahead({1: np.bitwise_xor(own, drawn, out=drawn)}, {})
            return np.zeros((count, self.words), np.uint64)
        if self.me == 1:
            return (await self._channel.ahead({}, {2: drawn.size}))[2].reshape(drawn.shape)
        return drawn

    async def masked(self, share: Words) -> Pieces:
        """Additive shares of parties 1 and 2 as pieces. One round."""
        count = len(share)
        if self.me == 2:
            first, second = self.rows(self.of_first, count), self.rows(self.of_second, count)
            return Pieces(second, first)
        mask, other = self.rows(self.of_first if self.me == 0 else self.of_second, count), 1 - self.me
        own = share ^ mask
        both = (await self._channel.exchange({other: own}, {other: own.size}))[other].reshape(own.shape)
        both ^= own
        return Pieces(mask, both) if self.me == 0 else Pieces(both, mask)

    async def opened(self, share: Words) -> Words:
        """What additive shares of parties 1 and 2 add up to, at every party. One round.

        To party 3, who knows of what the shares were made, they are hidden by the key that it lacks.
        """
        others = [party for party in (0, 1) if party != self.me]
        hidden = share ^ self.rows(self._hidden, len(share))
        send = {} if self.me == 2 else dict.fromkeys([others[0], 2], hidden)
        taken = await self._channel.exchange(send, dict.fromkeys(others, hidden.size))
        total = np.zeros_like(hidden) if self.me == 2 else hidden
        for party in others:
            total = total ^ taken[party].reshape(total.shape)
        return total

    async def shares(self, jobs: Sequence[Job]) -> list[list[Words]]:
        """Additive shares, of parties 1 and 2, of what gates give: by job, and then output."""
        products = None
        counts = [gate.dealt * len(wires[0].left) for gate, wires in jobs]
        if self.me == 2:
            products = np.concatenate([_of_masks(gate, wires) for gate, wires in jobs])
        dealt = np.split(await self.deal(products, sum(counts)), np.cumsum(counts)[:-1])
        return [_share(self.me, gate, wires, rows) for (gate, wires), rows in zip(jobs, dealt, strict=True)]

    async def inner_products(self, pairs: Sequence[tuple[Pieces, Pieces]]) -> Pieces:
        """For each two of as many rows, ⊕ over the rows of their products: a row each. One round.

        Party 3 deals what the masks' products add up to.
        """
        masks = None
        if self.me == 2:
            masks = np.stack([_inner(x.left ^ x.right, y.left ^ y.right) for x, y in pairs])
        share = await self.deal(masks, len(pairs))
        if self.me != 2:
            for place, (x, y) in enumerate(pairs):
                (x_both, x_own), (y_both, y_own) = (self._known(bits) for bits in (x, y))
                share[place] ^= _inner(x_both, y_both ^ y_own if self.me == 0 else y_own) ^ _inner(x_own, y_both)
        return await self.masked(share)

    def _known(self, bits: Pieces) -> tuple[Words, Words]:
        """The piece of parties 1 and 2, and the other one."""
        return (bits.right, bits.left) if self.me == 0 else (bits.left, bits.right)

    async def layer(self, jobs: Sequence[Job]) -> list[list[Pieces]]:
        """What gates give, by job, and then output. One round."""
        flat = [row for rows in await self.shares(jobs) for row in rows]
        pieces = await self.masked(np.concatenate(flat))
        ends = np.cumsum([len(row) for row in flat])
        parts = iter([pieces[int(end) - len(row) : int(end)] for end, row in zip(ends, flat, strict=True)])
        return [[next(parts) for _ in gate.outputs] for gate, _ in jobs]


def _of_masks(gate: Gate, wires: Sequence[Pieces]) -> Words:
    """What party 3 deals for a gate."""
    masks = _Products([wire.left ^ wire.right for wire in wires])
    none = np.zeros((0, wires[0].left.shape[1]), np.uint64)
    return np.concatenate([none, *(masks.sum(frozenset(group)) for group, _ in _plan(gate).groups)])


def _inner(a: Words, b: Words) -> Words:
    found: Words = np.bitwise_xor.reduce(a & b, axis=0)
    return found


def _share(me: int, gate: Gate, wires: Sequence[Pieces], dealt: Words) -> list[Words]:
    """Our share of each output; party 3's is 0."""
    count = len(wires[0].left)
    totals = [np.zeros_like(wires[0].left) for _ in gate.outputs]
    if me == 2:
        return totals
    plan = _plan(gate)
    both = _Products([wire.right if me == 0 else wire.left for wire in wires])
    own = [wire.left if me == 0 else wire.right for wire in wires]
    terms = list(zip(own, plan.single, strict=True))
    products = dealt.reshape(len(plan.groups), count, dealt.shape[1])
    terms += zip(products, (factors for _, factors in plan.groups), strict=True)
    for row, factors in terms:
        for total, factor in zip(totals, factors, strict=True):
            if factor:
                both.add(total, factor, row)
    for total, factor in zip(totals, plan.public, strict=True):
        if me == 0 and factor:
            np.bitwise_xor(total, both.sum(factor), out=total)
    return totals
