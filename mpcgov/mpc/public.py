"""Public operands of secret arrays: integers, and numpy arrays of them."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import SpecError


class PublicArray(Protocol):
    """A numpy array of integers, by what is used of it.

    Not named as numpy's, whose stubs let an array answer for any operand: at run time it gives way to a SecretArray, as
    `__array_ufunc__ = None` tells it (tests/mpc/test_arrays.py).
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[np.integer[Any]] | np.dtype[np.object_]: ...

    def __array__(self) -> NDArray[Any]: ...

    def __sub__(self, other: int | PublicArray, /) -> NDArray[Any]: ...

    def __rsub__(self, other: int, /) -> NDArray[Any]: ...


Public: TypeAlias = int | PublicArray
"""A public integer, or an array of them."""


def public(values: Any) -> tuple[NDArray[Any], int, int]:
    """Public integers as an array, of int64 or of Python integers, with their least and greatest.

    Raises:
        TypeError: they are no integers. SpecError: there are none.
    """
    array = np.asarray(values)
    if array.dtype != object and not np.issubdtype(array.dtype, np.integer):
        raise TypeError("integers are needed")
    if array.size == 0:
        raise SpecError("an array without elements")
    if array.dtype == object:
        if not all(type(number) is int for number in array.reshape(-1)):
            raise TypeError("integers are needed")
    elif array.dtype != np.int64:
        array = array.astype(np.int64) if np.can_cast(array.dtype, np.int64) else array.astype(object)
    return array, int(array.min()), int(array.max())
