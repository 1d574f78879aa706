"""Arrays of words that are on their way, and what computes them: operations side by side, in program order.

A program builds results before their inputs are there. Whatever needs other parties is an operation with a channel of
its own, numbered when it is built, so that the numbers are the same at all parties. At most WINDOW operations run at
once: one may start when the one WINDOW numbers before it is done. It can only need earlier ones, so some operation can
always go on, at every party the same. Small operations, which need time and no memory, have a wider window.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from dataclasses import field as default
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.word import field, steps
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.product import matrix_product, product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.wire import Channel, Line

WINDOW = 4
SMALL_WINDOW = 64
SMALL = 1 << 11
"""Elements of a small operation's result and operands together, at most."""

Shape = tuple[int, ...]
Public = int | NDArray[Any]
Protocol = Callable[..., Awaitable[Words]]
"""Shares of a result, given a channel, the pseudorandom keys, and shares of the operands."""


Known = tuple[Words, int]
"""Shares, and how many steps of exchanges are behind them."""


@dataclass
class _Operation:
    """Whether it is done, and the steps behind it then."""

    done: asyncio.Event = default(default_factory=asyncio.Event)
    steps: int = 0


class Scheduler:
    """Runs the operations of one computation. The first exception goes to `failed`."""

    def __init__(self, line: Line, prss: Prss, failed: Callable[[BaseException], None]) -> None:
        self.line = line
        self.prss = prss
        self._failed = failed
        self._large: list[_Operation] = []
        self._small: list[_Operation] = []
        self._tasks: set[asyncio.Task[Known]] = set()

    def local(self, shape: Shape, function: Callable[..., Words], *operands: LazyWords) -> LazyWords:
        """Apply a function of shares that needs nobody else: at once if all operands are there."""
        values = [operand.ready for operand in operands]
        if all(value is not None for value in values):
            return LazyWords(self, shape, function(*values), max(operand.steps for operand in operands))
        return LazyWords(self, shape, self._spawn(self._apply(function, operands)))

    def protocol(self, shape: Shape, protocol: Protocol, *operands: LazyWords) -> LazyWords:
        """Run a protocol on operands, when they are there."""
        is_small = sum(map(prod, [shape, *(operand.shape for operand in operands)])) <= SMALL
        others, window = (self._small, SMALL_WINDOW) if is_small else (self._large, WINDOW)
        own, before = _Operation(), others[-window] if len(others) >= window else None
        others.append(own)
        return LazyWords(self, shape, self._spawn(self._run(self.line.channel(), before, own, protocol, operands)))

    def apart(self) -> Scheduler:
        """Runs the operations of a program that goes on by itself: see `Line.apart`."""
        return Scheduler(self.line.apart(), self.prss, self._failed)

    def later(self, shape: Shape, shares: Awaitable[Words], part: Scheduler) -> LazyWords:
        """Shares that a program apart comes to, which ran its operations so."""
        return LazyWords(self, shape, self._spawn(_after(shares, part.line)))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _apply(self, function: Callable[..., Words], operands: tuple[LazyWords, ...]) -> Words:
        return function(*[await operand.words() for operand in operands])

    async def _run(
        self,
        channel: Channel,
        before: _Operation | None,
        own: _Operation,
        protocol: Protocol,
        operands: tuple[LazyWords, ...],
    ) -> Words:
        values = [await operand.words() for operand in operands]
        if before is not None:
            await before.done.wait()
            steps.reach(before.steps)
        result = await protocol(channel, self.prss, *values)
        own.steps = steps.so_far()
        own.done.set()
        return result

    def _spawn(self, computation: Coroutine[Any, Any, Words]) -> asyncio.Task[Known]:
        task = asyncio.get_running_loop().create_task(steps.counted(computation))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Known]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)


class LazyWords:
    """Shares of degree t of an array of known shape; with numpy's operators, on others and on public integers.

    `steps`: of exchanges behind them, once they are there.
    """

    __slots__ = ("_scheduler", "_value", "shape", "steps")
    __array_ufunc__ = None

    def __init__(
        self, scheduler: Scheduler, shape: Shape, value: Words | asyncio.Task[Known], behind: int | None = None
    ) -> None:
        self._scheduler = scheduler
        self._value = value
        self.shape = shape
        self.steps = steps.so_far() if behind is None else behind

    @property
    def ready(self) -> Words | None:
        """The shares if they are there."""
        if isinstance(self._value, asyncio.Task):
            if not self._value.done() or self._value.cancelled() or self._value.exception() is not None:
                return None
            self._value, self.steps = self._value.result()
        return self._value

    async def words(self) -> Words:
        """The shares, once they are there."""
        if isinstance(self._value, asyncio.Task):
            self._value, self.steps = await self._value
        steps.reach(self.steps)
        return self._value

    def __add__(self, other: LazyWords | Public) -> LazyWords:
        return self._linear(other, field.add)

    def __sub__(self, other: LazyWords | Public) -> LazyWords:
        return self._linear(other, field.subtract)

    def __neg__(self) -> LazyWords:
        return self._scheduler.local(self.shape, field.negate, self)

    def __mul__(self, other: LazyWords | Public) -> LazyWords:
        if not isinstance(other, LazyWords):
            if np.ndim(other) == 0:
                return self._scheduler.local(self.shape, lambda a: field.scale(a, int(other)), self)
            return self._linear(other, field.product)
        shape = np.broadcast_shapes(self.shape, other.shape)

        async def multiply(channel: Channel, prss: Prss, a: Words, b: Words) -> Words:
            return await product(channel, prss, np.broadcast_to(a, shape), np.broadcast_to(b, shape))

        return self._scheduler.protocol(shape, multiply, self, other)

    def __matmul__(self, other: LazyWords) -> LazyWords:
        """Products of 2-D arrays."""

        async def multiply(channel: Channel, prss: Prss, a: Words, b: Words) -> Words:
            return await matrix_product(channel, prss, a, np.ascontiguousarray(b.T))

        return self._scheduler.protocol((self.shape[0], other.shape[1]), multiply, self, other)

    def _linear(self, other: LazyWords | Public, function: Callable[[Words, Words], Words]) -> LazyWords:
        """A function that is local: both shared, linear in each; or the other one public."""
        if isinstance(other, LazyWords):
            shape = np.broadcast_shapes(self.shape, other.shape)
            return self._scheduler.local(
                shape, lambda a, b: function(np.broadcast_to(a, shape), np.broadcast_to(b, shape)), self, other
            )
        public = elements(other)
        shape = np.broadcast_shapes(self.shape, public.shape)
        row = np.broadcast_to(public, shape)
        return self._scheduler.local(shape, lambda a: function(np.broadcast_to(a, shape), row), self)

    def sum(self, axis: int) -> LazyWords:
        """Sum of a 2-D array along an axis."""
        rows, columns = self.shape
        shape = (columns,) if axis == 0 else (rows,)
        return self._scheduler.local(shape, lambda a: field.sum_rows(a if axis == 0 else a.T), self)

    def reshape(self, shape: Shape) -> LazyWords:
        """The same elements in another shape."""
        return self._scheduler.local(_dummy(self.shape).reshape(shape).shape, lambda a: a.reshape(shape), self)

    def transpose(self) -> LazyWords:
        """A matrix's columns as rows."""
        return self._scheduler.local(self.shape[::-1], lambda a: np.ascontiguousarray(a.T), self)

    def __getitem__(self, key: Any) -> LazyWords:
        return self._scheduler.local(_dummy(self.shape)[key].shape, lambda a: np.ascontiguousarray(a[key]), self)


async def _after(shares: Awaitable[Words], part: Line) -> Words:
    found = await shares
    steps.reach(part.rounds)
    return found


def elements(public: Public) -> Words:
    """Public integers of any size as field elements."""
    array = np.asarray(public)
    if array.dtype == np.int64 and array.size and array.min() >= -P and array.max() < P:
        return field.from_signed(array)
    reduced: Words = (array.astype(object) % P).astype(np.uint64)
    return reduced


def concatenate(arrays: list[LazyWords], axis: int) -> LazyWords:
    """Arrays one after the other along an axis."""
    shape = np.concatenate([_dummy(array.shape) for array in arrays], axis=axis).shape
    return arrays[0]._scheduler.local(shape, lambda *parts: np.concatenate(parts, axis=axis), *arrays)


def _dummy(shape: Shape) -> NDArray[np.bool_]:
    """An array of this shape without memory of its own, to ask numpy what becomes of the shape."""
    return np.broadcast_to(np.False_, shape)
