"""All that a program can name: from what it may import and call, through every attribute that it may read.

A world of names in place of numbers. From the listed names one step after the other is taken, to whatever stands after
a dot or an index of a mapping of names; nothing that is reached may be a module, or open, read or run anything. Without
the rule that hides names the same steps reach them.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Collection, Iterator
from types import ModuleType
from typing import Any

from mpcgov.mpc.word import sharing
from mpcgov.protocol import language

STEPS = 4
CLOSED = {id(one): name for name, one in vars(builtins).items() if name in ("open", "eval", "exec", "__import__")}
OPENING = {id(one): name for name, one in vars(sharing).items() if name.startswith("open_")}
HIDDEN = ("__globals__", "__builtins__", "__self__", "__init__", "__func__", "__class__", "__subclasses__", "__code__")
"""How Python's own objects lead on; what a program can't name where the rule holds."""


def starts() -> Iterator[Any]:
    for module, names in language.importable().items():
        if module != "__future__":
            yield from (getattr(importlib.import_module(module), name) for name in names)
    yield from (getattr(builtins, name) for name in language.BUILTINS)


def reached(after_a_dot: Collection[str]) -> set[str]:
    """What should be out of reach and isn't."""
    found, seen, frontier = set[str](), dict[int, Any](), list(starts())
    for _ in range(STEPS):
        following = []
        for one in frontier:
            if id(one) in seen:
                continue
            seen[id(one)] = one
            if isinstance(one, ModuleType):
                found.add(one.__name__)
            elif id(one) in CLOSED or id(one) in OPENING:
                found.add(CLOSED.get(id(one)) or OPENING[id(one)])
            following += [getattr(one, name) for name in after_a_dot if _has(one, name)]
            if isinstance(one, dict):
                following += one.values()
        frontier = following
    return found


def _has(one: Any, name: str) -> bool:
    try:
        getattr(one, name)
    except Exception:
        return False
    return True


def may_stand_after_a_dot(name: str) -> bool:
    source = f"async def run(inputs, params):\n    return inputs.{name}\n"
    return language.faults(source.encode(), "program.py") == []


def test_nothing_that_opens_is_within_reach_of_what_a_program_can_name() -> None:
    every = {*language.ATTRIBUTES, *HIDDEN, *(name for one in starts() for name in dir(one))}
    named = [name for name in every if may_stand_after_a_dot(name)]
    assert sorted(named) == sorted(language.ATTRIBUTES)
    assert len(every) > 5 * len(named)
    assert reached(named) == set()
    assert {"os", "open", "__import__"} & reached([*named, *HIDDEN])
