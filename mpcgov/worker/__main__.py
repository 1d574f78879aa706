"""`python -m mpcgov.worker templates FD FD`: what a node's children are forked from; each serves one order and ends.

What both kinds of children need is loaded once. Then each kind goes on in a process of its own, on its own socket.
`read FD` or `run FD`: one such child, without a template.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from mpcgov.process import traits
from mpcgov.process.memory import keep_freed, no_dumps
from mpcgov.worker import fork, withheld

if TYPE_CHECKING:
    from mpcgov.spec.order import Order

READER_ALLOCATIONS = 100_000
"""So many objects more than before have a reader look for garbage: its queries are trees of small ones, and to look
every 700, as Python does by itself, is a fifth of reading a small file. What rows are in is no such object."""

Serve = Callable[[socket.socket, "Order", list[int]], None]


def main() -> None:
    """Loads what orders will need, then waits for them; none comes to a process twice."""
    # A core dump would hold rows or shares.
    no_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kind, *numbers = sys.argv[1:]
    gc.disable()  # a tenth of the time of importing is looking for garbage that isn't there
    sys.argv = ["mpcgov-worker"]
    withheld.withhold()
    given = [socket.socket(fileno=int(number)) for number in numbers]
    if kind == "templates":
        _load_common()
        gc.freeze()  # what is loaded stays shared with the template
        kind, requests, other = fork.split(*given)
        serve, warm = _loaded(kind)
        gc.freeze()
        control = fork.forked(requests, kind, other)
    else:
        serve, warm = _loaded(kind)
        traits.name(f"mpcgov-{kind}")
        control = given[0]
    gc.enable()
    _work(control, serve, warm)


def _work(control: socket.socket, serve: Serve, warm: Callable[[], None]) -> None:
    from mpcgov.process.control import receive_first
    from mpcgov.spec.order import Order

    warm()
    first = receive_first(control, Order)
    if first is not None:
        serve(control, *first)
    # What is left has no effect outside. To take down all that was loaded would take the processor for 50 ms from those
    # who now compute with what we read.
    os._exit(0)


def _load_common() -> None:
    """What both kinds use: orders, kinds of tables, the form of rows; neither the engine nor what reads data."""
    import numpy as np
    import pyarrow as pa

    import mpcgov.records  # noqa: F401  these load the rest
    from mpcgov import registry  # noqa: F401
    from mpcgov.jobs import check  # noqa: F401
    from mpcgov.linked import dealing, layout, limbs, plan, stacked  # noqa: F401
    from mpcgov.process import control, meter  # noqa: F401
    from mpcgov.spec import order  # noqa: F401
    from mpcgov.worker import keyed, records, summed  # noqa: F401

    pa.array(np.zeros(1))  # Arrow looks for masked arrays when it is given its first array, and loads what makes them


def _loaded(kind: str) -> tuple[Serve, Callable[[], None]]:
    """How to serve an order, and what to do while it is awaited."""
    if kind == "run":
        from mpcgov.worker import run

        keep_freed()
        return run.serve, lambda: None
    from mpcgov.worker import engine, read

    gc.set_threshold(READER_ALLOCATIONS)
    engine.load()
    return read.serve, engine.warm


if __name__ == "__main__":
    main()
