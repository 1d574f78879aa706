"""Secure comparison with zero, in chunks of bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpcgov.mpc.runtime import JobRuntime, coroutine

CHUNK = 5_000
"""At most so many elements are compared at once: about 10 kB of memory each while it lasts."""
CHUNK_NUMBERS = 30_000
"""And at most so many numbers of all PRSS subsets for one bit, so that no step keeps the event loop for seconds."""


def bits_for(low: int, high: int) -> int:
    """The least l with −2^(l−1) ≤ low and high < 2^(l−1)."""
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1


@coroutine
async def negative(runtime: JobRuntime, a: Any, bits: int) -> Any:
    """1 where a < 0 and 0 elsewhere, for −2^(bits−1) ≤ a < 2^(bits−1), secret as a is.

    MPyC's protocol (a variant of Toft's): opens a plus a mask that is longer by K bits, within 2^-40 over the job; and
    products with a uniform factor, at degree 2t with a zero sharing, whose being zero is a uniform bit.
    """
    await runtime.returnType((type(a), True, a.shape))
    field = runtime.field
    values = (await runtime.gather(a)).value.reshape(-1)
    chunk_size = max(1, min(CHUNK, CHUNK_NUMBERS // len(runtime.prfs(field.order))))
    parts = []
    for start in range(0, len(values), chunk_size):
        chunk = type(a)(field.array(values[start : start + chunk_size], check=False))
        # wait for each chunk: the next one's masks would double the memory
        parts.append((await runtime.gather(runtime.np_sgn(chunk, l=bits, LT=True))).value)
    return field.array(np.concatenate(parts).reshape(a.shape), check=False)
