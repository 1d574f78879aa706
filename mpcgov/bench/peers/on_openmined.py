"""OpenMined's private set intersection by elliptic curves: the number of common ids, over a socket between two owners.

Party 0 is its client and gets the number, party 1 its server. The server's set travels as a Golomb-compressed one, the
library's default.
"""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import numpy as np
import private_set_intersection.python as psi

from .turns import Done, Order, Run, serve

OWNERS = ("left", "right")
FALSE_POSITIVES = 1e-9
TRIES, WAIT_S = 100, 0.1


class Owner:
    """One of the two, and its stream to the other."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.path = Path(order.options["data"]) / "agencies" / OWNERS[order.party] / "rows.csv"
        self.stream = connect(order)
        self.sent = 0

    def run(self) -> Done:
        """Both read their ids first."""
        ids = self.path.read_text(encoding="utf-8").split()[1:]
        before = self.sent
        if self.order.receives:
            client = psi.client.CreateWithNewKey(False)
            self.send(client.CreateRequest(ids).SerializeToString())
            setup, response = psi.ServerSetup(), psi.Response()
            setup.ParseFromString(self.receive())
            response.ParseFromString(self.receive())
            return Done(np.array([client.GetIntersectionSize(setup, response)]), self.sent - before)
        server = psi.server.CreateWithNewKey(False)
        request = psi.Request()
        content = self.receive()
        request.ParseFromString(content)
        setup = server.CreateSetupMessage(FALSE_POSITIVES, len(ids), ids)
        self.send(setup.SerializeToString())
        self.send(server.ProcessRequest(request).SerializeToString())
        return Done(None, self.sent - before)

    def send(self, content: bytes) -> None:
        """One message, its length first."""
        self.stream.sendall(struct.pack("<Q", len(content)))
        self.stream.sendall(content)
        self.sent += len(content)

    def receive(self) -> bytes:
        """The other's next message."""
        (size,) = struct.unpack("<Q", self.exactly(8))
        return self.exactly(size)

    def exactly(self, size: int) -> bytes:
        """So many bytes."""
        content = bytearray()
        while len(content) < size:
            part = self.stream.recv(min(1 << 20, size - len(content)))
            if not part:
                raise SystemExit("the other owner is gone")
            content += part
        return bytes(content)


def connect(order: Order) -> socket.socket:
    """Party 1 listens, party 0 calls until it does."""
    place = ("127.0.0.1", order.ports[1])
    if order.party == 1:
        with socket.create_server(place) as server:
            return server.accept()[0]
    for _ in range(TRIES):
        try:
            return socket.create_connection(place)
        except ConnectionRefusedError:
            time.sleep(WAIT_S)
    raise SystemExit("the other owner isn't there")


async def prepare(order: Order) -> Run:
    """Connect; nothing is compiled, so there is nothing to run before."""
    owner = Owner(order)

    async def run() -> Done:
        return owner.run()

    return run


if __name__ == "__main__":
    serve(prepare)
