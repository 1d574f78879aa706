"""Arrays of secret integers: what a protocol computes with.

They look like numpy arrays of one or two dimensions. Shape and bounds are public; no operation gives a value, or a
branch that depends on one. An integer that might leave ±2^value_bits is refused when it is built, before anything is
sent. What backs them (now MPyC's arrays) shows nowhere in the interface.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError, Refused, SpecError
from mpcgov.mpc import compare, rounding
from mpcgov.mpc.codec import as_elements
from mpcgov.mpc.runtime import JobRuntime

Public: TypeAlias = int | NDArray[np.integer[Any]] | NDArray[np.object_]
"""A public integer, or an array of them."""
Operand: TypeAlias = Union["SecretArray", Public]
Index: TypeAlias = int | slice | NDArray[np.integer[Any]] | tuple[int | slice, int | slice]

OPENINGS = frozenset({"open", "opened", "output", "reveal", "peek", "value", "values", "tolist", "item", "result"})


class SecretArray:
    """Secret integers, each in low … high, shared between the parties with degree t.

    Made by `Session.input` and by the operations here. Arithmetic is exact: over the integers, never modulo anything.
    Sums and products with public numbers are local; a product of two secret arrays is one exchange, a comparison about
    log₂ of the bits of its range plus 5, rounding 2 (3 parties).
    """

    __slots__ = ("_backing", "_runtime", "high", "low")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # numpy then leaves `ndarray + SecretArray` to us

    low: int
    high: int

    def __init__(self, runtime: JobRuntime, backing: Any, low: int, high: int) -> None:
        limit = 1 << runtime.config.value_bits
        if low > high or low < -limit or high > limit:
            raise SpecError(f"integers between {low} and {high} don't fit the job's {runtime.config.value_bits} bits")
        self._runtime = runtime
        self._backing = backing
        self.low = low
        self.high = high

    @classmethod
    def deal(cls, runtime: JobRuntime, values: Any, sender: int, length: int, low: int, high: int) -> SecretArray:
        """See `Session.input`."""
        if length < 1:
            raise SpecError("an input without elements")
        elements = None
        if values is not None:
            elements, lowest, highest = _public(values)
            if elements.shape != (length,) or lowest < low or highest > high:
                raise InternalError("an input that isn't as long or not within the bounds that it was announced with")
        cls(runtime, None, low, high)  # refuses bounds that don't fit, before anything is sent
        return cls(runtime, runtime.deal(elements, sender, length), low, high)

    # -- public facts

    @property
    def shape(self) -> tuple[int, ...]:
        """Public shape: one or two dimensions."""
        return tuple(self._backing.shape)

    @property
    def size(self) -> int:
        """How many elements."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"SecretArray(shape={self.shape}, low={self.low}, high={self.high})"

    # -- arithmetic

    def __add__(self, other: Operand) -> SecretArray:
        backing, low, high = self._operand(other)
        return self._made(lambda: self._backing + backing, self.low + low, self.high + high)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> SecretArray:
        backing, low, high = self._operand(other)
        return self._made(lambda: self._backing - backing, self.low - high, self.high - low)

    def __rsub__(self, other: Public) -> SecretArray:  # type: ignore[misc]
        return -self + other

    def __neg__(self) -> SecretArray:
        return self._made(lambda: -self._backing, -self.high, -self.low)

    def __mul__(self, other: Operand) -> SecretArray:
        backing, low, high = self._operand(other)
        corners = [a * b for a in (self.low, self.high) for b in (low, high)]
        return self._made(lambda: self._backing * backing, min(corners), max(corners))

    __rmul__ = __mul__

    def sum(self, axis: int | None = None) -> SecretArray:
        """Sum of all elements, of shape (1,), or along an axis of a 2-D array."""
        if axis is None or len(self.shape) == 1:
            count, backing, axis = self.size, self._backing.reshape((1, self.size)), 1
        else:
            count, backing = self.shape[axis], self._backing
        return self._made(lambda: backing.sum(axis=axis), self.low * count, self.high * count)

    def round_to(self, base: int) -> SecretArray:
        """The nearest multiple of base, halves up: base · ⌊(x + ⌊base/2⌋) / base⌋."""
        half = base // 2
        low, high = ((bound + half) // base * base if base > 1 else bound for bound in (self.low, self.high))
        return self._made(lambda: rounding.round_to(self._runtime, self._backing, self.low, self.high, base), low, high)

    # -- comparison: secret arrays of 0 and 1

    def __lt__(self, other: Operand) -> SecretArray:  # type: ignore[misc]
        return (self - other)._negative()

    def __ge__(self, other: Operand) -> SecretArray:  # type: ignore[misc]
        return 1 - (self < other)

    def __gt__(self, other: Operand) -> SecretArray:  # type: ignore[misc]
        return (-(self - other))._negative()

    def __le__(self, other: Operand) -> SecretArray:  # type: ignore[misc]
        return 1 - (self > other)

    def _negative(self) -> SecretArray:
        if self.low >= 0 or self.high < 0:  # the bounds are public, so is the answer
            return self * 0 + int(self.high < 0)
        bits = compare.bits_for(self.low, self.high)
        return self._made(lambda: compare.negative(self._runtime, self._backing, bits), 0, 1)

    # -- shape

    def __getitem__(self, index: Index) -> SecretArray:
        """Elements at public places, by numpy's rules, except that a single element has shape (1,)."""
        shape = np.empty(self.shape, dtype=bool)[index].shape
        key = index
        if shape == ():
            flat = int(np.arange(self.size).reshape(self.shape)[index])
            return self.reshape((self.size,))[flat : flat + 1]
        if 0 in shape:
            raise SpecError("a selection without elements")
        return self._made(lambda: self._backing[key], self.low, self.high)

    def reshape(self, shape: tuple[int, ...]) -> SecretArray:
        """The same elements in another shape of one or two dimensions."""
        if len(shape) not in (1, 2):
            raise SpecError("secret arrays have one or two dimensions")
        return self._made(lambda: self._backing.reshape(shape), self.low, self.high)

    # -- what the engine needs

    def shares(self) -> Awaitable[Any]:
        """For `Session.share_of`: our own shares, once they are computed."""
        return self._runtime.gather(self._backing)  # type: ignore[no-any-return]

    def _operand(self, other: Operand) -> tuple[Any, int, int]:
        if isinstance(other, SecretArray):
            return other._backing, other.low, other.high
        elements, low, high = _public(other)
        return (elements if elements.shape else int(elements[()])), low, high

    def _made(self, build: Any, low: int, high: int) -> SecretArray:
        """The result of `build`, which runs only if the bounds fit."""
        result = SecretArray(self._runtime, None, low, high)
        result._backing = build()
        if len(result.shape) not in (1, 2):
            raise SpecError("secret arrays have one or two dimensions")
        return result

    # -- what secret arrays don't do

    def _no_value(self, *_args: object) -> NoReturn:
        raise TypeError("a secret array has no value that Python could use, test, compare for equality or go through")

    __bool__ = __int__ = __index__ = __float__ = __iter__ = __contains__ = __array__ = _no_value
    __eq__ = __ne__ = _no_value
    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = _no_value

    if not TYPE_CHECKING:  # a type checker must say that there is no such attribute

        def __getattr__(self, name: str) -> NoReturn:
            if name in OPENINGS:
                raise Refused(
                    f"a secret array has no {name}(): only what the manifest names is opened, once it was cleared",
                    hint="return the array as a result of the protocol",
                    code="opening",
                )
            raise AttributeError(name)


def if_else(bit: SecretArray, then: Operand, otherwise: Operand) -> SecretArray:
    """`then` where bit is 1, `otherwise` where it is 0; nobody learns which. One exchange."""
    if (bit.low, bit.high) not in ((0, 1), (0, 0), (1, 1)):
        raise SpecError("if_else needs an array of 0 and 1, as comparisons give")
    lows, highs = zip(*(_bounds(side) for side in (then, otherwise)), strict=True)
    difference = -(otherwise - then) if isinstance(otherwise, SecretArray) else then - otherwise
    chosen = bit * difference
    base = bit._operand(otherwise)[0]
    return bit._made(lambda: chosen._backing + base, min(lows), max(highs))


def concatenate(arrays: Sequence[SecretArray], axis: int = 0) -> SecretArray:
    """Arrays one after the other along an axis."""
    backing = np.concatenate([array._backing for array in arrays], axis=axis)
    low, high = min(array.low for array in arrays), max(array.high for array in arrays)
    return arrays[0]._made(lambda: backing, low, high)


def _bounds(side: Operand) -> tuple[int, int]:
    return (side.low, side.high) if isinstance(side, SecretArray) else _public(side)[1:]


def _public(values: Any) -> tuple[NDArray[np.object_], int, int]:
    """Public integers as an object array of Python integers, with their least and greatest."""
    array = np.asarray(values)
    if array.dtype != object and not np.issubdtype(array.dtype, np.integer):
        raise TypeError("integers are needed")
    if array.size == 0:
        raise SpecError("an array without elements")
    numbers = as_elements(array)
    if array.dtype == object and not all(type(number) is int for number in numbers):
        raise TypeError("integers are needed")
    return numbers.reshape(array.shape), int(numbers.min()), int(numbers.max())
