"""`python -m mpcgov.worker read|run FD`: a template, which children are forked from; each serves one order and ends.

With `alone` behind: one such child, without a template.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder

from mpcgov.process.control import receive_first
from mpcgov.process.memory import no_dumps
from mpcgov.spec.order import Order
from mpcgov.worker.fork import forked

Serve = Callable[[socket.socket, Order, list[int]], None]


def main() -> None:
    """Loads what orders will need, then waits for them; none comes to a process twice."""
    # A core dump would hold rows or shares.
    no_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kind, given, *alone = sys.argv[1:]
    gc.disable()  # a tenth of the time of importing is looking for garbage that isn't there
    sys.argv = ["mpcgov-worker"]
    serve, warm = _loaded(kind)
    gc.freeze()  # what is loaded stays shared with the template
    own = socket.socket(fileno=int(given))
    control = own if alone else forked(own)
    gc.enable()
    warm()
    first = receive_first(control, Order)
    if first is not None:
        serve(control, *first)
    # What is left has no effect outside. To take down all that was loaded would take the processor for 50 ms from those
    # who now compute with what we read.
    os._exit(0)


class WithoutPandas(MetaPathFinder):
    """Finds no pandas. (None in its place in `sys.modules` would be taken for the module by compiled code.)"""

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> None:
        """Nothing of any other module; of pandas, that there is none."""
        if fullname == "pandas":
            raise ModuleNotFoundError("no pandas here", name=fullname)


def _loaded(kind: str) -> tuple[Serve, Callable[[], None]]:
    """How to serve an order, and what to do while it is awaited."""
    if kind == "run":
        # Arrow looks for pandas when it reads its first array: a third of a second in each child, and nothing is used.
        sys.meta_path.insert(0, WithoutPandas())
        from mpcgov.worker import run

        return run.serve, lambda: None
    from mpcgov.worker import engine, read

    engine.load()
    return read.serve, engine.warm


if __name__ == "__main__":
    main()
