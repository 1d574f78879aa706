"""Arrays of secret integers: what a protocol computes with.

They look like numpy arrays of one or two dimensions. Shape and bounds are public; no operation gives a value, or a
branch that depends on one. An integer that might leave ±2^value_bits is refused when it is built, before anything is
sent. What backs them shows nowhere in the interface: machine words up to 59 value bits, MPyC's arrays beyond.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError, Refused, SpecError
from mpcgov.mpc.misuse import misuse
from mpcgov.mpc.public import Public, public
from mpcgov.mpc.wide import WideEngine
from mpcgov.mpc.word.engine import WordEngine

Engine: TypeAlias = WordEngine | WideEngine
Operand: TypeAlias = Union["SecretArray", Public]
Index: TypeAlias = int | slice | NDArray[np.integer[Any]] | tuple[int | slice, int | slice]

MAX_BASE = 10_000
"""The greatest base for rounding."""

OPENINGS = frozenset({"open", "opened", "output", "reveal", "peek", "value", "values", "tolist", "item", "result"})


class SecretArray:
    """Secret numbers, shared between the parties with degree t: integers in low … high, in units of 10^-places.

    Made by `Session.input` and by the operations here. Arithmetic is exact: over the integers, never modulo anything.
    Public operands are whole numbers. Sums and products with them are local; a product of secret arrays, inner and
    matrix products too, is one exchange, a comparison 4 to 10. `engine` does the work and isn't for protocols.
    """

    __slots__ = ("_backing", "_engine", "high", "low", "places")
    __array_ufunc__ = None  # numpy then leaves `ndarray + SecretArray` to us

    low: int
    high: int
    places: int
    _backing: Any
    _engine: Engine

    def __init__(self, engine: Engine, backing: Any, low: int, high: int, places: int = 0) -> None:
        limit = 1 << engine.config.value_bits
        if low > high or low < -limit or high > limit:
            raise SpecError(f"integers between {low} and {high} don't fit the job's {engine.config.value_bits} bits")
        for name, value in zip(SecretArray.__slots__, (backing, engine, high, low, places), strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def deal(
        cls, engine: Engine, values: Any, sender: int, length: int, low: int, high: int, places: int = 0
    ) -> SecretArray:
        """See `Session.input`."""
        if length < 1:
            raise SpecError("an input without elements")
        elements = None
        if values is not None:
            elements, lowest, highest = public(values)
            if elements.shape != (length,) or lowest < low or highest > high:
                raise InternalError("an input that isn't as long or not within the bounds that it was announced with")
        cls(engine, None, low, high)  # refuses bounds that don't fit, before anything is sent
        return cls(engine, engine.deal(elements, sender, length), low, high, places)

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
        return f"SecretArray(shape={self.shape}, low={self.low}, high={self.high}, places={self.places})"

    # -- arithmetic

    def __add__(self, other: Operand) -> SecretArray:
        left, right = self._aligned(other)
        backing, low, high = left._operand(right)
        return left._made(lambda: left._backing + backing, left.low + low, left.high + high)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> SecretArray:
        left, right = self._aligned(other)
        backing, low, high = left._operand(right)
        return left._made(lambda: left._backing - backing, left.low - high, left.high - low)

    def __rsub__(self, other: Public) -> SecretArray:
        return -self + other

    def __neg__(self) -> SecretArray:
        return self._made(lambda: -self._backing, -self.high, -self.low)

    def __mul__(self, other: Operand) -> SecretArray:
        backing, low, high = self._operand(other)
        corners = [a * b for a in (self.low, self.high) for b in (low, high)]
        places = self.places + (other.places if isinstance(other, SecretArray) else 0)
        return self._made(lambda: self._backing * backing, min(corners), max(corners), places)

    __rmul__ = __mul__

    def __matmul__(self, other: SecretArray) -> SecretArray:
        """Matrix product by numpy's rules, converted once: of two 1-D arrays the inner product, of shape (1,)."""
        inner = other.shape[0]
        if self.shape[-1] != inner:
            raise SpecError(f"a product of arrays of shapes {self.shape} and {other.shape}")
        left = self.reshape((1, inner)) if len(self.shape) == 1 else self
        right = other.reshape((inner, 1)) if len(other.shape) == 1 else other
        shape = (*self.shape[:-1], *other.shape[1:]) or (1,)
        corners = [a * b * inner for a in (self.low, self.high) for b in (other.low, other.high)]
        places = self.places + other.places
        return self._made(lambda: (left._backing @ right._backing).reshape(shape), min(corners), max(corners), places)

    def sum(self, axis: int | None = None) -> SecretArray:
        """Sum of all elements, of shape (1,), or along axis 0 or 1 of a 2-D array."""
        if axis not in (None, 0, 1):
            raise SpecError(f"a sum along axis {axis}: secret arrays have axes 0 and 1")
        if axis is None or len(self.shape) == 1:
            count, backing, axis = self.size, self._backing.reshape((1, self.size)), 1
        else:
            count, backing = self.shape[axis], self._backing
        return self._made(lambda: backing.sum(axis=axis), self.low * count, self.high * count)

    def round_to(self, base: int) -> SecretArray:
        """The nearest multiple of base, halves up: base · ⌊(x + ⌊base/2⌋) / base⌋ in units of the last place."""
        if not 1 < base <= MAX_BASE:
            raise SpecError(f"rounding to multiples of {base}: from 2 to {MAX_BASE} are possible")
        return self._rounded(base * 10**self.places)

    def with_places(self, places: int) -> SecretArray:
        """The same numbers in units of 10^-places; to fewer places they are rounded, halves up."""
        if places >= self.places:
            return self._scaled(places)
        return self._divided(10 ** (self.places - places), places)

    def _divided(self, by: int, places: int) -> SecretArray:
        """The nearest integers to x / by, halves up."""
        whole = self._rounded(by)
        return whole._made(
            lambda: self._engine.divide_exactly(whole._backing, by), whole.low // by, whole.high // by, places
        )

    def _rounded(self, base: int) -> SecretArray:
        low, high = ((bound + base // 2) // base * base for bound in (self.low, self.high))
        return self._made(lambda: self._engine.round_to(self._backing, self.low, self.high, base), low, high)

    # -- comparison: secret arrays of 0 and 1

    def __lt__(self, other: Operand) -> SecretArray:
        return (self - other)._negative()

    def __ge__(self, other: Operand) -> SecretArray:
        return 1 - (self < other)

    def __gt__(self, other: Operand) -> SecretArray:
        return (-(self - other))._negative()

    def __le__(self, other: Operand) -> SecretArray:
        return 1 - (self > other)

    def _negative(self) -> SecretArray:
        if self.low >= 0 or self.high < 0:  # the bounds are public, so is the answer
            return self._all(int(self.high < 0))
        return self._made(lambda: self._engine.negative(self._backing, self.low, self.high), 0, 1, 0)

    def equals(self, other: Operand) -> SecretArray:
        """1 where the elements are equal and 0 elsewhere. Python's == isn't this: it would have to be public."""
        difference = self - other
        low, high = difference.low, difference.high
        if low > 0 or high < 0:
            return difference._all(0)
        return self._made(lambda: self._engine.zero(difference._backing, low, high), 0, 1, 0)

    def _all(self, value: int) -> SecretArray:
        return self._made(lambda: self._backing * 0 + value, value, value, 0)

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

    def transpose(self) -> SecretArray:
        """A 2-D array's columns as rows."""
        return self._made(self._backing.transpose, self.low, self.high)

    # -- what the engine needs

    def shares(self) -> Awaitable[Any]:
        """For `Session.share_of`: our own shares, fresh, once they are computed."""
        return self._engine.fresh_share(self._backing)

    async def same_shares(self, other: SecretArray) -> bool:
        """Whether our own shares of both are the same words, as those of one sum added up in two ways are. Local."""
        if not isinstance(self._engine, WordEngine) or self._engine is not other._engine or self.places != other.places:
            return False
        return np.array_equal(await self._backing.words(), await other._backing.words())

    def _operand(self, other: Operand) -> tuple[Any, int, int]:
        if isinstance(other, SecretArray):
            return other._backing, other.low, other.high
        elements, low, high = public(other)
        return self._engine.public(elements if elements.shape else int(elements[()])), low, high

    def _scaled(self, places: int) -> SecretArray:
        """The same numbers in units of 10^-places, no fewer than there are."""
        if places == self.places:
            return self
        unit: int = 10 ** (places - self.places)
        return self._made(lambda: self._backing * unit, self.low * unit, self.high * unit, places)

    def _aligned(self, other: Operand) -> tuple[SecretArray, Operand]:
        """Both in the same units; a public operand as integers in these."""
        if isinstance(other, SecretArray):
            places = max(self.places, other.places)
            return self._scaled(places), other._scaled(places)
        return self, other if self.places == 0 else public(other)[0].astype(object) * 10**self.places

    def _made(self, build: Any, low: int, high: int, places: int | None = None) -> SecretArray:
        """The result of `build`, which runs only if the bounds fit; in our units, or in those of `places`."""
        result = SecretArray(self._engine, None, low, high, self.places if places is None else places)
        object.__setattr__(result, "_backing", build())
        if len(result.shape) not in (1, 2):
            raise SpecError("secret arrays have one or two dimensions")
        return result

    # -- what secret arrays don't do

    __bool__ = misuse("has no truth value; use if_else")
    __eq__ = __ne__ = misuse("can't be compared by == and !=; use .equals()")
    __iter__ = __contains__ = misuse("can't be gone through; take slices of it, or compute with all of it")
    __int__ = __index__ = __float__ = __array__ = misuse("has no value that Python could use")
    __copy__ = __deepcopy__ = misuse("isn't copied")
    __reduce__ = __reduce_ex__ = misuse("is never written anywhere")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Bounds decide which comparisons are made at all: whoever could change them would decide what is opened."""
        raise TypeError("a secret array isn't changed: compute another")

    def __delattr__(self, name: str) -> NoReturn:
        raise TypeError("a secret array isn't changed: compute another")

    if not TYPE_CHECKING:  # a type checker must say that there is no such attribute

        def __getattr__(self, name: str) -> NoReturn:
            if name in OPENINGS:
                raise Refused(
                    f"a secret array has no {name}(): only what the manifest names is opened, once it was cleared",
                    hint="return the array as a result of the protocol",
                    code="opening",
                )
            raise AttributeError(f"a secret array has no .{name}")
