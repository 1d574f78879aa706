"""`python -m mpcgov.worker read|run FD`: a child that waits for one order on its control socket, serves it, ends."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from mpcgov.control import receive_first
from mpcgov.memory import no_dumps
from mpcgov.spec.order import Order


def main() -> None:
    """Imports what the order will need, then waits for it; an order never comes twice."""
    # A core dump would hold rows or shares.
    no_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kind, control = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    gc.disable()  # a tenth of the time of importing is looking for garbage that isn't there
    sys.argv = ["mpcgov-worker"]
    if kind == "read":
        from mpcgov.worker.read import serve
    else:
        from mpcgov.worker.run import serve
    gc.freeze()
    gc.enable()
    first = receive_first(control, Order)
    if first is not None:
        serve(control, *first)
    # What is left has no effect outside. To take down all that was loaded would take the processor for 50 ms from those
    # who now compute with what we read.
    os._exit(0)


if __name__ == "__main__":
    main()
