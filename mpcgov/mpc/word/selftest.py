"""Self-test of the kernels: run before every job, in a millisecond; a failure ends the worker.

Kernels come compiled from a cache. What comes must compute what Python's integers say, or nothing is computed at all.
"""

from __future__ import annotations

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.mpc.word import field, lanes, stream
from mpcgov.mpc.word.field import BITS, P

_EDGES = (0, 1, 2, P - 1, P - 2, P // 2, 2**32 - 1, 2**32, 2**60)


def check_kernels() -> None:
    """Raise InternalError unless the kernels agree with Python's integers at the edges."""
    pairs = [(a, b) for a in _EDGES for b in _EDGES]
    a, b = (np.array(column, np.uint64) for column in zip(*pairs, strict=True))
    found = {
        "sum": (field.add(a, b), [(x + y) % P for x, y in pairs]),
        "difference": (field.subtract(a, b), [(x - y) % P for x, y in pairs]),
        "product": (field.product(a, b), [x * y % P for x, y in pairs]),
        "multiple": (field.scale(a, P - 3), [-3 * x % P for x, _ in pairs]),
        "combination": (field.combine([2, P - 1], [a, b]), [(2 * x - y) % P for x, y in pairs]),
        "inner product": (field.inner_products(a[None], b[None])[0], [sum(x * y for x, y in pairs) % P]),
        "bits": (lanes.from_row(lanes.to_rows(a)[BITS - 1], a.size), [x >> (BITS - 1) for x, _ in pairs]),
        "permutation": (np.sort(stream.Stream(bytes(32)).permutation(100)), list(range(100))),
    }
    for name, (ours, pythons) in found.items():
        if ours.tolist() != pythons:
            raise InternalError(f"self-test: a kernel computes a wrong {name}")
    if field.all_elements(np.array([P], np.uint64)):
        raise InternalError("self-test: a number outside the field passes for an element")
