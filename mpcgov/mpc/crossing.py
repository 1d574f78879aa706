"""Between wide fields and words: openings behind masks of m − t parties' numbers, and what is local after them.

A mask is Σ_S r_S over the integers, r_S uniform and known to the members of the subset S alone. With c = v + Σ_S r_S
open, ⌊v/2^s⌋ is ⌊c/2^s⌋ − Σ_S ⌊r_S/2^s⌋ less a carry of 0 … C(m,t), for every s at once and without another message:
whoever knows r_S knows ⌊r_S/2^s⌋ too, and has a share of it in any field, ⌊r_S/2^s⌋ · f_S(own point). Truncation after
Catrina and Saxena (FC 2010), with the mask's known parts in place of shared random bits.

Any t parties miss one subset's r_S, which is 2^(K − ⌈log₂ C(m,t)⌉) times as long as v's range.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcgov.errors import SpecError
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.runtime import JobRuntime
from mpcgov.mpc.word import field
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.lazy import LazyWords, Protocol
from mpcgov.mpc.word.prss import Prss, weight
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.wire import Channel


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
        runtime, config = self.crossing.runtime, self.crossing.runtime.config
        total = (self.opened >> places) - (1 << self.bits >> places)
        for subset, numbers in self.numbers.items():
            total = total - (numbers >> places) * weight(subset, runtime.pid + 1, len(config.parties))
        result: Words = (total % P).astype(np.uint64)
        return result


class Crossing:
    """The exchanges of a computation on wide shares that compares small parts of them as words.

    `operation` is the computation's number, taken when the program built it: what runs later mustn't take any, for
    parties needn't be equally far. Its masks are numbered within it.
    """

    def __init__(self, runtime: JobRuntime, engine: WordEngine, operation: int) -> None:
        self.runtime = runtime
        self.engine = engine
        self.operation = operation
        self._masks = 0
        self.modulus = int(runtime.field.modulus)

    async def reduce(self, products: Elements) -> Elements:
        """Fresh wide shares of degree t of what has degree at most 2t."""
        shares = await self.runtime._reshare(self.runtime.field.array(products % self.modulus, check=False))
        result: Elements = shares.value
        return result

    def open_product(self, products: Elements) -> Awaitable[Any]:
        """Open what has degree 2t, behind a zero sharing, to all: begun at once, a field array when awaited."""
        array = self.runtime.field.array(products % self.modulus, check=False)
        opening: Awaitable[Any] = self.runtime.output(array, threshold=2 * self.runtime.threshold)
        return opening

    async def mask(self, v: Elements, bits: int) -> Masked:
        """Open wide integers −2^bits ≤ v < 2^bits of shape (n,) behind masks."""
        config = self.runtime.config
        bound = 1 << (bits + 1 + config.subset_bits)
        if (2 << bits) + config.subsets * bound >= self.modulus:
            raise SpecError(f"a masked integer of {bits} bits doesn't fit the field")
        numbers = self.runtime.subset_numbers("crossing", self._next_mask(), len(v), bound)
        total = v + (1 << bits)
        for subset, known in numbers.items():
            total = total + known * self.runtime.weight(subset)
        opened = await self.runtime.output(self.runtime.field.array(total % self.modulus, check=False))
        return Masked(self, opened.value, numbers, bits)

    async def negative(self, words: Words) -> Words:
        """1 where an integer that is shared as words is below 0, and 0 elsewhere."""
        return await self.engine.negative(self.words(words), 0, 0).words()

    async def at_least(self, words: Words, thresholds: Words) -> Words:
        """Whether a word is ≥ a public threshold, and whether its negative is: shape (2, *shape)."""
        less = np.broadcast_to(field.subtract(thresholds, np.ones_like(thresholds)), words.shape)
        return await self.negative(np.stack([field.subtract(less, words), field.add(less, words)]))

    async def multiply(self, a: Words, b: Words) -> Words:
        """Products of words."""
        return await (self.words(a) * self.words(b)).words()

    def _next_mask(self) -> int:
        self._masks += 1
        return (self.operation << 16) + self._masks

    async def protocol(self, shape: tuple[int, ...], protocol: Protocol, words: Words) -> Words:
        """Run a protocol on words."""
        return await self.engine._scheduler.protocol(shape, protocol, self.words(words)).words()

    def words(self, shares: Words) -> LazyWords:
        """Shares that are there, for the word engine's operations."""
        return LazyWords(self.engine._scheduler, shares.shape, np.ascontiguousarray(shares))

    async def lift(self, bits: Words) -> Elements:
        """Secret bits of any shape, from words to wide shares: opened behind masks within 2^61 − 1."""
        config = self.runtime.config
        check_lift(config)
        row = bits.reshape(-1)
        numbers = self.runtime.subset_numbers("lift", self._next_mask(), row.size, 2 << config.subset_bits)
        mask = np.zeros(row.size, dtype=object)
        wide = np.zeros(row.size, dtype=object)
        for subset, known in numbers.items():
            mask = mask + known * weight(subset, self.runtime.pid + 1, len(config.parties))
            wide = wide - known * self.runtime.weight(subset)
        masked = field.add(row, (mask % P).astype(np.uint64))

        async def opening(channel: Channel, prss: Prss, x: Words) -> Words:
            return await open_to_all(channel, x, prss.threshold)

        opened = await self.protocol(row.shape, opening, masked)
        result: Elements = (opened.astype(object) + wide) % self.modulus
        return result.reshape(bits.shape)


def check_lift(config: SessionConfig) -> None:
    """Raise SpecError unless a bit and its mask fit 61 bits: up to K = 59, which is 2^17 openings of 3 parties."""
    if 2 + config.subsets * (2 << config.subset_bits) >= P:
        raise SpecError(f"{config.masked_openings} masked openings are too many to move bits between fields")
