"""One party of a measured computation: `python -m mpcgov.bench.party`. A real session over socket pairs, as a worker's.

Elsewhere only what disclosure control has cleared is released. Measured workloads have none and their data are made up,
so this module opens a result itself, at the receiver.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket

import numpy as np
from numpy.typing import NDArray

from mpcgov import opening
from mpcgov.bench.peers.turns import Done, Order, Run, serve
from mpcgov.bench.programs import NEEDS, PROGRAMS, READ, draw
from mpcgov.errors import InternalError
from mpcgov.mpc import Needs, SecretArray, Session, SessionConfig
from mpcgov.mpc.word import steps
from mpcgov.process.memory import keep_freed

THRESHOLD = 1
VALUE_BITS = 59
"""The most that words hold; a job declares what it needs, which changes no time here."""


class Party:
    """This party's session, data, and streams for the shares of the result."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.arrays = [order.arrays(party) for party in range(order.parties)]
        self.program = PROGRAMS[order.workload]
        self.opening = {party: _stream(number) for party, number in order.opening.items()}
        self.session: Session

    async def connect(self) -> None:
        """Greet the others and exchange keys."""
        order = self.order
        needs = NEEDS.get(order.workload, Needs(0, 0))
        config = SessionConfig(
            parties=tuple(f"party{index}" for index in range(order.parties)),
            me=order.party,
            threshold=THRESHOLD,
            binding=hashlib.sha256(f"bench {order.workload}".encode()).digest(),
            value_bits=VALUE_BITS,
            masked_openings=needs.masked_openings,
            solver_bits=needs.solver_bits,
        )
        self.session = Session(config, {party: _stream(number) for party, number in order.sockets.items()})
        await self.session.hello()
        await self.session.ready(ok=True)
        await self.session.start()

    async def run(self) -> Done:
        """Deal, compute, and open at the receiver."""
        before = self.session.cost
        steps.reach(before.rounds)  # this run comes after the one before
        arrays = self.arrays[self.order.party]
        arrays.update(draw(self.order.workload, len(next(iter(arrays.values()), ()))))
        own = np.ascontiguousarray(await self.session.share_of(self.program(self._deal)), dtype=np.uint64)
        sent = self.session.cost.bytes_sent - before.bytes_sent
        rounds = self.session.cost.rounds - before.rounds + 1  # and the shares to the receiver
        loop = asyncio.get_running_loop()
        if not self.order.receives:
            await loop.sock_sendall(self.opening[0], own.data.cast("B"))
            return Done(None, sent + own.nbytes, rounds)
        others = [await _received(self.opening[party], own) for party in sorted(self.opening)]
        numbers = opening.open_words(dict(enumerate([own, *others], start=1)), THRESHOLD)
        read = READ.get(self.order.workload)
        return Done(numbers if read is None else read(numbers), sent, rounds)

    def _deal(self, party: int, name: str, low: int, high: int) -> SecretArray:
        array = self.arrays[party][name]
        own = array.reshape(-1) if party == self.order.party else None
        return self.session.input(own, party, array.size, low, high).reshape(array.shape)


def _stream(number: int) -> socket.socket:
    stream = socket.socket(fileno=number)
    stream.setblocking(False)
    return stream


async def _received(stream: socket.socket, like: NDArray[np.uint64]) -> NDArray[np.uint64]:
    loop, share = asyncio.get_running_loop(), np.empty_like(like)
    left = share.data.cast("B")
    while left:
        count = await loop.sock_recv_into(stream, left)
        if count == 0:
            raise InternalError("a party ended before its shares came")
        left = left[count:]
    return share


async def prepare(order: Order) -> Run:
    """Connect, and run once: that loads every kernel."""
    keep_freed()  # as a worker
    party = Party(order)
    await party.connect()
    await party.run()
    return party.run


if __name__ == "__main__":
    serve(prepare)
