"""Between wide fields and words: openings behind masks of m − t parties' numbers, and what is local after them.

*To words.* A mask is Σ_S r_S over the integers, r_S uniform and known to the members of the subset S alone. With
c = v + Σ_S r_S open, ⌊v/2^s⌋ is ⌊c/2^s⌋ − Σ_S ⌊r_S/2^s⌋ less a carry of 0 … C(m,t), for every s at once and without
another message: whoever knows r_S knows ⌊r_S/2^s⌋ too, and has a share of it in any field, ⌊r_S/2^s⌋ · f_S(own point).
Truncation after Catrina and Saxena (FC 2010), with the mask's known parts in place of shared random bits. Any t parties
miss one subset's r_S, which is 2^(K − ⌈log₂ C(m,t)⌉) times as long as v's range.

*From words.* c = v + Σ_S r_S modulo q = 2^61 − 1 is opened, r_S uniform modulo q: that tells nothing. Over the integers
v = c − Σ_S r_S + q·k, and k, from 0 to C(m,t), follows from the first bits of Σ_S r_S − c, which are shared words.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcgov.errors import SpecError
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.config import SessionConfig, ceil_log2
from mpcgov.mpc.runtime import JobRuntime
from mpcgov.mpc.word import compare, field, steps
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.lazy import LazyWords, Protocol, Scheduler
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss, Subset, weight
from mpcgov.mpc.word.rounding import round_to
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.wire import Channel

WIDEN_BITS = 58
"""Words that are taken to a wide field stand for integers within ±2^58."""


@dataclass(frozen=True)
class Masked:
    """Open c = v + 2^bits + Σ_S r_S for −2^bits ≤ v < 2^bits, and the r_S that we know."""

    crossing: Crossing
    opened: Elements
    numbers: dict[tuple[int, ...], Elements]
    bits: int

    def shifted(self, places: int) -> Elements:
        """Wide shares of ⌊v/2^places⌋ + carry, the carry 0 … C(m,t), and 0 if `places` is 0."""
        total = (self.opened >> places) - (1 << self.bits >> places)
        for subset, numbers in self.numbers.items():
            total = total - (numbers >> places) * self.crossing.runtime.weight(subset)
        result: Elements = total % self.crossing.modulus
        return result

    def shifted_words(self, places: int) -> Words:
        """The same integers as words: right if they are within ±2^60, and modulo 2^61 − 1 in any case."""
        total = (self.opened >> places) - (1 << self.bits >> places)
        for subset, numbers in self.numbers.items():
            total = total - (numbers >> places) * self.crossing.word_weight(subset)
        result: Words = (total % P).astype(np.uint64)
        return result


class Crossing:
    """The exchanges of a computation on wide shares that compares and rounds small parts of them as words.

    `operation` is the computation's number, and `words` runs its operations on words apart from the program's: both
    taken when the program built it, for parties needn't be equally far. Its masks are numbered within it.
    """

    def __init__(self, runtime: JobRuntime, words: Scheduler, operation: int) -> None:
        self.runtime = runtime
        self.operation = operation
        self.words = words
        self._masks = 0
        self.modulus = int(runtime.field.modulus)

    # -- wide shares

    async def reduce(self, products: Elements) -> Elements:
        """Fresh wide shares of degree t of what has degree at most 2t."""
        shares = await self.runtime._reshare(self.runtime.field.array(products % self.modulus, check=False))
        self.words.line.wait()
        result: Elements = shares.value
        return result

    def open_product(self, products: Elements) -> Awaitable[Elements]:
        """Open what has degree 2t, behind a zero sharing, to all: begun at once."""
        array = self.runtime.field.array(products % self.modulus, check=False)
        return self._opened(self.runtime.output(array, threshold=2 * self.runtime.threshold), steps.so_far())

    async def _opened(self, opening: Awaitable[Any], begun: int) -> Elements:
        result: Elements = (await opening).value
        self.words.line.reach(begun + 1)
        return result

    async def mask(self, v: Elements, bits: int, of_product: bool = False) -> Masked:
        """Open wide integers −2^bits ≤ v < 2^bits of shape (n,) behind masks; of degree 2t, if products, behind a zero
        sharing besides."""
        return await self._masking(v, bits, of_product)

    async def mask_and_reduce(self, products: Elements, bits: int) -> tuple[Masked, Elements]:
        """`mask` of products, and `reduce`, side by side."""
        masking = self._masking(products, bits, of_product=True)
        reduced = await self.reduce(products)
        return await masking, reduced

    def _masking(self, v: Elements, bits: int, of_product: bool) -> Awaitable[Masked]:
        """Begun at once."""
        config, runtime = self.runtime.config, self.runtime
        bound = 1 << (bits + 1 + config.subset_bits)
        if (2 << bits) + config.subsets * bound >= self.modulus:
            raise SpecError(f"a masked integer of {bits} bits doesn't fit the field")
        numbers = runtime.subset_numbers("crossing", self._next_mask(), len(v), bound)
        total = v + (1 << bits)
        for subset, known in numbers.items():
            total = total + known * runtime.weight(subset)
        array = runtime.field.array(total % self.modulus, check=False)
        opening = runtime.output(array, threshold=(1 + of_product) * runtime.threshold)

        async def masked() -> Masked:
            return Masked(self, await self._opened(opening, begun), numbers, bits)

        begun = steps.so_far()
        return masked()

    # -- words

    async def negative(self, words: Words) -> Words:
        """1 where an integer that is shared as words is below 0, and 0 elsewhere."""
        return await self.protocol(words.shape, compare.negative, words)

    def at_least(self, words: Words, thresholds: Words) -> LazyWords:
        """Whether a word is ≥ a public threshold, and whether its negative is: shape (2, *shape)."""
        less = np.broadcast_to(field.subtract(thresholds, np.ones_like(thresholds)), words.shape)
        both = np.stack([field.subtract(less, words), field.add(less, words)])
        return self.begin(both.shape, compare.negative, both)

    def multiply(self, a: Words, b: Words) -> LazyWords:
        """Products of words."""
        return self.begin(a.shape, product, a, b)

    def rounded(self, words: Words, bound: int, base: int) -> LazyWords:
        """The nearest multiple of `base` of integers within ±bound, shape (n,), divided by it."""

        async def rounding(channel: Channel, prss: Prss, x: Words) -> Words:
            return field.scale(await round_to(channel, prss, x, -bound, bound, base), field.inverse(base))

        return self.begin(words.shape, rounding, words)

    async def protocol(self, shape: tuple[int, ...], protocol: Protocol, *words: Words) -> Words:
        """Run a protocol on words."""
        return await self.begin(shape, protocol, *words).words()

    def begin(self, shape: tuple[int, ...], protocol: Protocol, *words: Words) -> LazyWords:
        """The same, without waiting for it."""
        operands = [LazyWords(self.words, part.shape, np.ascontiguousarray(part)) for part in words]
        return self.words.protocol(shape, protocol, *operands)

    def word_weight(self, subset: Subset) -> int:
        """f_S at our point, modulo 2^61 − 1."""
        return weight(subset, self.runtime.pid + 1, len(self.runtime.config.parties))

    # -- from words to wide shares

    async def widen(self, words: Words) -> Elements:
        """Wide shares of integers within ±2^58 that are shared as words, shape (n,)."""
        parts: dict[Subset, Words] = {}

        async def opening(channel: Channel, prss: Prss, x: Words) -> Words:
            number = channel.draw()
            for subset in self.runtime.masters:
                parts[subset] = prss.stream(subset, "widen", number).elements(x.size)
            weights = [self.word_weight(subset) for subset in parts]
            return await open_to_all(channel, field.combine([1, *weights], [x, *parts.values()]), prss.threshold)

        lifted = field.add(words, np.full(words.shape, 1 << WIDEN_BITS, np.uint64))  # from 0 to q/4
        opened = await self.protocol(words.shape, opening, lifted)
        wraps = await self.lift(await self._wraps(opened, parts))
        total = opened.astype(object) - (1 << WIDEN_BITS) + wraps.sum(axis=1) * P
        for subset, numbers in parts.items():
            total = total - numbers.astype(object) * self.runtime.weight(subset)
        result: Elements = total % self.modulus
        return result

    async def _wraps(self, opened: Words, parts: dict[Subset, Words]) -> Words:
        """k of v = c − Σ_S r_S + q·k, 0 ≤ v < q/4, as C(m,t) bits that add up to it: shape (n, C(m,t)).

        Σ_S r_S − c lies in q·k − q/4 … q·k; without its last bits, which are off by C(m,t) at most, that still tells k.
        """
        subsets = self.runtime.config.subsets
        places = 2 + ceil_log2(subsets)
        weights = [self.word_weight(subset) for subset in parts]
        rows = [numbers >> np.uint64(places) for numbers in parts.values()]
        first_bits = field.combine([*weights, -1], [*rows, opened >> np.uint64(places)])
        middles = np.array([(2 * k - 1) * P >> (places + 1) for k in range(1, subsets + 1)], dtype=np.uint64)
        shape = (len(opened), subsets)
        less = field.subtract(np.broadcast_to(first_bits[:, None], shape), np.broadcast_to(middles, shape))
        return field.subtract(np.ones(shape, np.uint64), await self.negative(less))

    async def lift(self, bits: Words) -> Elements:
        """Secret bits of any shape, from words to wide shares: opened behind masks within 2^61 − 1."""
        config = self.runtime.config
        check_lift(config)
        row = bits.reshape(-1)
        numbers = self.runtime.subset_numbers("lift", self._next_mask(), row.size, 2 << config.subset_bits)
        mask = np.zeros(row.size, dtype=object)
        wide = np.zeros(row.size, dtype=object)
        for subset, known in numbers.items():
            mask = mask + known * self.word_weight(subset)
            wide = wide - known * self.runtime.weight(subset)
        masked = field.add(row, (mask % P).astype(np.uint64))

        async def opening(channel: Channel, prss: Prss, x: Words) -> Words:
            return await open_to_all(channel, x, prss.threshold)

        opened = await self.protocol(row.shape, opening, masked)
        result: Elements = (opened.astype(object) + wide) % self.modulus
        return result.reshape(bits.shape)

    def _next_mask(self) -> int:
        self._masks += 1
        return (self.operation << 16) + self._masks


def check_lift(config: SessionConfig) -> None:
    """Raise SpecError unless a bit and its mask fit 61 bits: up to K = 59, which is 2^17 openings of 3 parties."""
    if 2 + config.subsets * (2 << config.subset_bits) >= P:
        raise SpecError(f"{config.masked_openings} masked openings are too many to move bits between fields")
