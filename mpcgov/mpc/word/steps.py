"""How long the longest chain of messages is: steps, one after the other, in which a party waits for others.

What runs side by side waits side by side. So the steps behind a task's own work go with it, in its context; whoever
takes in what another task made has waited for as many as that one, if those are more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

_steps: ContextVar[int] = ContextVar("steps", default=0)


def so_far() -> int:
    """The steps behind what runs now."""
    return _steps.get()


def reach(steps: int) -> None:
    """What comes next needs something that has so many steps behind it."""
    _steps.set(max(_steps.get(), steps))


async def together(*parts: Awaitable[T]) -> list[T]:
    """The results of parts that run side by side."""
    both = await asyncio.gather(*map(counted, parts))
    for _, steps in both:
        reach(steps)
    return [result for result, _ in both]


async def by_name(parts: Mapping[str, Callable[[], Awaitable[T]]], beside: bool) -> dict[str, T]:
    """What several parts give; one after the other, unless they may go `beside` each other."""
    if beside:
        return dict(zip(parts, await together(*(begin() for begin in parts.values())), strict=True))
    return {name: await begin() for name, begin in parts.items()}


async def counted(part: Awaitable[T]) -> tuple[T, int]:
    """For a task of its own: what comes of it, and the steps behind that."""
    return await part, so_far()


async def both(one: Awaitable[T], other: Awaitable[U]) -> tuple[T, U]:
    """As `together`, of two parts of different kinds."""
    (first, before), (second, behind) = await asyncio.gather(counted(one), counted(other))
    reach(max(before, behind))
    return first, second
