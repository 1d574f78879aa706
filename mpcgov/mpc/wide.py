"""What backs secret arrays of integers beyond ±2^59: MPyC's arrays, in a field as wide as the job needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import SpecError
from mpcgov.mpc import compare, rounding
from mpcgov.mpc.codec import Elements, as_elements
from mpcgov.mpc.runtime import JobRuntime


class WideEngine:
    """Secret arrays as MPyC's arrays."""

    def __init__(self, runtime: JobRuntime) -> None:
        self.config = runtime.config
        self._runtime = runtime

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._runtime.idle()

    def deal(self, values: NDArray[Any] | None, dealer: int, count: int) -> Any:
        """`count` integers that `dealer` knows; the others pass None."""
        return self._runtime.deal(None if values is None else as_elements(values), dealer, count)

    def public(self, values: Any) -> Any:
        """Public integers as the operators of arrays take them: Python's own."""
        return values if isinstance(values, int) else as_elements(values).reshape(values.shape)

    def negative(self, a: Any, low: int, high: int) -> Any:
        """1 where a < 0 and 0 elsewhere."""
        return compare.negative(self._runtime, a, compare.bits_for(low, high))

    def zero(self, a: Any, low: int, high: int) -> Any:
        """1 where a = 0 and 0 elsewhere."""
        return 1 - self.negative(a, low, high) - self.negative(-a, -high, -low)

    def round_to(self, a: Any, low: int, high: int, base: int) -> Any:
        """The nearest multiples of base, halves up."""
        return rounding.round_to(self._runtime, a, low, high, base)

    def concatenate(self, arrays: Sequence[Any], axis: int) -> Any:
        """Arrays one after the other."""
        return np.concatenate(list(arrays), axis=axis)

    def divide_exactly(self, a: Any, divisor: int) -> Any:
        """a / divisor where every element is a multiple of it."""
        return a * pow(divisor, -1, int(self._runtime.field.modulus))

    def sort_rows(self, _key: Any, _rows: Any, low: int, high: int, _ranks: Any) -> Any:
        """Not for such integers."""
        raise SpecError(
            f"sorting in a job of {self.config.value_bits} bits: only a job whose integers fit 59 bits can sort",
            hint="narrow the declared bounds, or put what is sorted into a job of its own",
        )

    async def fresh_share(self, a: Any) -> Elements:
        """Our own share of each element, of degree t on fresh polynomials, as elements 0 … p−1."""
        shares = await self._runtime._reshare(await self._runtime.gather(a))
        return as_elements(shares.value)
