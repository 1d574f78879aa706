"""MPyC as it comes: its arrays, three processes as `-M3` starts them, threshold 1."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .turns import Done, Order, Run, serve

FIELD = 2**61 - 1
WARM = 100
"""Elements of the run before the first measured one: nothing is compiled, only connected and imported."""


def sum_of_tables(mpc: Any, order: Order, size: int | None) -> Any:
    """The cheapest that MPyC has: a prime field, in which nothing can be compared."""
    tables = [order.arrays(party)["table"][:size] for party in range(order.parties)]
    kind = mpc.SecFld(FIELD)
    shared = [mpc.input(kind.array(table), senders=party) for party, table in enumerate(tables)]
    return shared[0] + shared[1] + shared[2]


def comparisons(mpc: Any, order: Order, size: int | None) -> Any:
    """Secure integers of 33 bits with sign, which hold every difference."""
    kind = mpc.SecInt(34)
    x = mpc.input(kind.array(order.arrays(0)["x"][:size].astype(object)), senders=0)
    y = mpc.input(kind.array(order.arrays(1)["y"][:size].astype(object)), senders=1)
    return x < y


PROGRAMS: dict[str, Callable[[Any, Order, int | None], Any]] = {"W1": sum_of_tables, "W5": comparisons}


async def prepare(order: Order) -> Run:
    """Connect to the others and compute something small."""
    addresses = [f"-P127.0.0.1:{port}" for port in order.ports[: order.parties]]
    sys.argv = [sys.argv[0], *addresses, "-I", str(order.party), "--no-log"]
    mpc = importlib.import_module("mpyc.runtime").mpc  # reads sys.argv
    program = PROGRAMS[order.workload]
    await mpc.start()

    async def run(size: int | None = None) -> Done:
        before = _sent(mpc)
        opened = await mpc.output(program(mpc, order, size), receivers=[0])
        result = np.array([int(value) for value in opened], dtype=np.int64) if order.receives else None
        return Done(result, _sent(mpc) - before)

    await run(WARM)
    return run


def _sent(mpc: Any) -> int:
    return sum(peer.protocol.nbytes_sent for peer in mpc.parties if peer.pid != mpc.pid)


if __name__ == "__main__":
    serve(prepare)
