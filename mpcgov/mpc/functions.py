"""What is computed with secret arrays: choosing, joining, ordering. None of it shows anything but shapes and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil

import numpy as np

from mpcgov.errors import SpecError
from mpcgov.mpc.arrays import Operand, SecretArray
from mpcgov.mpc.word.engine import WordEngine


def if_else(bit: SecretArray, then: Operand, otherwise: Operand) -> SecretArray:
    """`then` where bit is 1, `otherwise` where it is 0; nobody learns which. One exchange."""
    if (bit.low, bit.high) not in ((0, 1), (0, 0), (1, 1)):
        raise SpecError("if_else needs an array of 0 and 1, as comparisons give")
    difference = -(otherwise - then) if isinstance(otherwise, SecretArray) else then - otherwise
    chosen = bit * difference
    _, low, high = chosen._operand(chosen._aligned(then)[1])
    base, other_low, other_high = chosen._operand(chosen._aligned(otherwise)[1])
    return chosen._made(lambda: chosen._backing + base, min(low, other_low), max(high, other_high))


def concatenate(arrays: Sequence[SecretArray], axis: int = 0) -> SecretArray:
    """Arrays one after the other along an axis, in units of the smallest of theirs."""
    places = max(array.places for array in arrays)
    parts = [array._scaled(places) for array in arrays]
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    backings = [part._backing for part in parts]
    return parts[0]._made(lambda: parts[0]._engine.concatenate(backings, axis), low, high)


def every(bits: Sequence[SecretArray]) -> SecretArray:
    """1 where all are, of one array or more. An exchange for each doubling."""
    while len(bits) > 1:
        pairs = [a * b for a, b in zip(bits[::2], bits[1::2], strict=False)]
        bits = pairs if len(bits) % 2 == 0 else [*pairs, bits[-1]]
    return bits[0]


def some_not_negative(rows: SecretArray, questions: Sequence[Sequence[Sequence[int]]]) -> SecretArray:
    """For each question 1 where in some of its alternatives, sets of rows, no number is negative.

    Rows of shape (rows, n), the result of (questions, n). A comparison and, for three parties, an exchange for each
    factor of four by which sets and alternatives are more than one; for others two comparisons more.
    """
    engine, count = rows._engine, rows.shape[1]
    if isinstance(engine, WordEngine) and engine.has_lanes:
        return rows._made(lambda: engine.some_not_negative(rows._backing, rows.low, rows.high, questions), 0, 1, 0)
    bits, alternatives = rows >= 0, [one for alternatives in questions for one in alternatives]
    missing = [bits[np.array(one)].sum(axis=0) - len(one) for one in alternatives]
    passed = (concatenate(missing) >= 0).reshape((len(alternatives), count))
    ends = list(accumulate(len(one) for one in questions))
    found = [passed[end - len(one) : end].sum(axis=0) for end, one in zip(ends, questions, strict=True)]
    return (concatenate(found) >= 1).reshape((len(questions), count))


def minimum(a: SecretArray, b: Operand) -> SecretArray:
    """The lesser of two, element by element."""
    return if_else(a < b, a, b)


def maximum(a: SecretArray, b: Operand) -> SecretArray:
    """The greater of two, element by element."""
    return if_else(a < b, b, a)


def sort(x: SecretArray) -> SecretArray:
    """The elements of a 1-D array in ascending order."""
    return _ranked(x, None)


def sort_rows(rows: SecretArray, by: SecretArray) -> SecretArray:
    """The rows of a 2-D array in ascending order of `by`, rows with equal values in the order that they had."""
    if len(rows.shape) != 2 or by.shape != (rows.shape[0],):
        raise SpecError(f"sorting rows of shape {rows.shape} by values of shape {by.shape}")
    return rows._made(
        lambda: rows._engine.sort_rows(by._backing, rows._backing, by.low, by.high, None), rows.low, rows.high
    )


def greatest(x: SecretArray, count: int) -> SecretArray:
    """The `count` greatest elements of a 1-D array, the greatest first."""
    if not 1 <= count <= len(x):
        raise SpecError(f"the {count} greatest of {len(x)} elements")
    return -_ranked(-x, np.arange(count))


def quantile(x: SecretArray, fraction: Fraction) -> SecretArray:
    """The least element that at least this fraction of a 1-D array isn't above; never a mean. Shape (1,)."""
    if not 0 <= fraction <= 1:
        raise SpecError(f"a quantile at {fraction}: it must be between 0 and 1")
    return _ranked(x, np.array([max(0, ceil(fraction * len(x)) - 1)]))


def median(x: SecretArray) -> SecretArray:
    """The middle element of a 1-D array, the lower one if there are two. Shape (1,)."""
    return quantile(x, Fraction(1, 2))


def _ranked(x: SecretArray, ranks: np.ndarray[tuple[int], np.dtype[np.int64]] | None) -> SecretArray:
    """Elements in ascending order, or those at some ranks."""
    if len(x.shape) != 1:
        raise SpecError("a sort needs an array of one dimension")
    column = x.reshape((x.size, 1))
    return x._made(
        lambda: x._engine.sort_rows(x._backing, column._backing, x.low, x.high, ranks).reshape(
            (x.size if ranks is None else len(ranks),)
        ),
        x.low,
        x.high,
    )
