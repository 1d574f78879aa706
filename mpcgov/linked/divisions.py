"""Dividing a column's rows in two by their values, so that a count proves how many are off its most frequent value.

A column that has one value in nearly all rows is a category of the few others: sums, products and coefficients of it
are about these few. Whatever a column's values are, if fewer than k rows are off its most frequent one, every division
by value has a side with fewer than k rows. So one division with at least k rows on both sides proves that there is no
such value. An owner divides by its own rows alone, before they are linked; which division it takes only decides what
can be proved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def divided(values: Numbers) -> Numbers:
    """1 for the rows on one side of a division by value, and 0 for the others: the most even one of those that split
    off the greater values, or the most frequent one. Shape (rows,)."""
    distinct, counts = np.unique(values, return_counts=True)
    if not len(distinct):
        return np.zeros(0, np.int64)
    upto, half = np.cumsum(counts), len(values) / 2
    threshold, frequent = int(np.abs(upto - half).argmin()), int(counts.argmax())
    below, equal = values <= distinct[threshold], values == distinct[frequent]
    even = abs(int(counts[frequent]) - half) < abs(int(upto[threshold]) - half)
    return np.asarray(equal if even else below, np.int64)
