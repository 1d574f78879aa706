"""OpenMined's private set intersection by elliptic curves: the number of common ids, over a socket between two owners.

Party 0 is its client and gets the number, party 1 its server. The server's set travels as a Golomb-compressed one, the
library's default.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import private_set_intersection.python as psi

from .streams import accept, call
from .turns import Done, Order, Run, serve

OWNERS = ("left", "right")
FALSE_POSITIVES = 1e-9


class Owner:
    """One of the two, and its stream to the other."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.path = Path(order.options["data"]) / "agencies" / OWNERS[order.party] / "rows.csv"
        self.stream = call(order.ports[1]) if order.receives else accept(order.ports[1], 1)[0]

    def run(self) -> Done:
        """Both read their ids first."""
        ids = self.path.read_text(encoding="utf-8").split()[1:]
        before = self.stream.sent
        if self.order.receives:
            client = psi.client.CreateWithNewKey(False)
            self.stream.send(client.CreateRequest(ids).SerializeToString())
            setup, response = psi.ServerSetup(), psi.Response()
            setup.ParseFromString(self.stream.receive())
            response.ParseFromString(self.stream.receive())
            return Done(np.array([client.GetIntersectionSize(setup, response)]), self.stream.sent - before)
        server = psi.server.CreateWithNewKey(False)
        request = psi.Request()
        content = self.stream.receive()
        request.ParseFromString(content)
        setup = server.CreateSetupMessage(FALSE_POSITIVES, len(ids), ids)
        self.stream.send(setup.SerializeToString())
        self.stream.send(server.ProcessRequest(request).SerializeToString())
        return Done(None, self.stream.sent - before)


async def prepare(order: Order) -> Run:
    """Connect; nothing is compiled, so there is nothing to run before."""
    owner = Owner(order)

    async def run() -> Done:
        return owner.run()

    return run


if __name__ == "__main__":
    serve(prepare)
