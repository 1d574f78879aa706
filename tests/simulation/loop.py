"""An event loop whose time is made up: waiting takes none, and a schedule runs the same way each time.

Sockets between parts of this process are real and deliver at once; only timers move the clock.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable
from typing import Any

NODE: contextvars.ContextVar[object] = contextvars.ContextVar("node", default=None)
"""Which node's work is going on; tasks inherit it, so that a node can be killed with all that it does."""


class _Selector(selectors.DefaultSelector):
    """Never waits: if nothing is ready, time passes instead."""

    passes: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            self.passes(timeout)
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Time starts at 0 and jumps to the next timer. What would run in a thread runs at once."""

    def __init__(self) -> None:
        selector = _Selector()
        super().__init__(selector)
        selector.passes = self._pass
        self._passed_s = 0.0
        self.tasks_of: dict[object, set[asyncio.Task[Any]]] = {}
        self.set_task_factory(_task)

    def time(self) -> float:
        return self._passed_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _pass(self, timeout: float | None) -> None:
        assert timeout is not None, "everything waits, and nothing will ever happen"
        self._passed_s += timeout


def _task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    assert isinstance(loop, SimulatedLoop)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    context = options.get("context")
    node = NODE.get() if context is None else context.get(NODE)
    tasks = loop.tasks_of.setdefault(node, set())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
