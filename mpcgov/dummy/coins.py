"""Coins for made-up rows: the same for the same seed, on every machine, and of no use for anything secret."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Coins:
    """Coins for one thing, whatever else is made up."""

    def __init__(self, *of: object) -> None:
        self._of = "/".join(map(str, of))
        self._drawn = 0

    def unit(self) -> float:
        """A number from 0 to just below 1."""
        self._drawn += 1
        return int.from_bytes(hashlib.sha256(f"{self._of}/{self._drawn}".encode()).digest()[:6]) / 2**48

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int((high - low + 1) * self.unit())

    def pick(self, some: Sequence[T]) -> T:
        """One of several."""
        return some[int(len(some) * self.unit())]

    def some(self, of: int, count: int) -> list[int]:
        """So many different numbers of those below `of`, in any order."""
        numbers = list(range(of))
        for at in range(min(count, of)):
            other = self.between(at, of - 1)
            numbers[at], numbers[other] = numbers[other], numbers[at]
        return numbers[:count]

    def amount(self) -> float:
        """A positive number, mostly near 1 and now and then several times as much."""
        normal = math.sqrt(-2 * math.log(1 - self.unit())) * math.cos(2 * math.pi * self.unit())
        return math.exp(0.8 * normal)
