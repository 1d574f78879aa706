"""SecretFlow SPU's private set intersection: owners read CSV, its own kind of file, and learn which ids they share.

W2: the number of common ids. W4: both owners keep their common rows, in one order, and a third party helps SPU to add
up the amounts of each group.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu
from spu import libspu, psi
from spu.utils import frontend

from .turns import Array, Done, Order, Run, serve

jax.config.update("jax_enable_x64", True)

TIMEOUT_MS = 600_000
OWNERS = ("left", "right")
GROUPS = 10


def connect(order: Order, parties: int, ports: list[int]) -> Any:
    """A link between the first parties."""
    description = libspu.link.Desc()
    description.recv_timeout_ms = description.http_timeout_ms = TIMEOUT_MS
    for party in range(parties):
        description.add_party(f"party{party}", f"127.0.0.1:{ports[party]}")
    return libspu.link.create_brpc(description, order.party)


class Owner:
    """One of the two that intersect."""

    def __init__(self, order: Order, link: Any) -> None:
        self.link = link
        self.path = Path(order.options["data"]) / "agencies" / OWNERS[order.party] / "rows.csv"
        self.common = order.result.with_name(f"common-{order.party}.csv")
        self.protocol = getattr(psi.PsiProtocol, f"PROTOCOL_{order.options['protocol']}")

    def intersect(self, keep_rows: bool) -> int:
        """The number of ids that both have; `keep_rows`: our rows of them are written, in the same order at both."""
        report = psi.psi_execute(
            psi.PsiExecuteConfig(
                protocol_conf=psi.PsiProtocolConfig(
                    protocol=self.protocol,
                    receiver_rank=0,
                    broadcast_result=keep_rows,
                    ecdh_params=psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_FOURQ),
                ),
                input_params=psi.InputParams(path=str(self.path), selected_keys=["id"], keys_unique=True),
                output_params=psi.OutputParams(path=str(self.common), disable_alignment=not keep_rows),
            ),
            self.link,
        )
        return int(report.intersection_count)

    def column(self, place: int) -> Any:
        """A column of the common rows, as text."""
        return np.loadtxt(self.common, dtype=str, delimiter=",", skiprows=1, usecols=place)


def sums(members: Any, amount: Any) -> Any:
    """By group, the sum of the amounts and the number of rows."""
    ones = jnp.ones((amount.shape[0], 1), amount.dtype)
    return members.T @ jnp.concatenate([amount.reshape(-1, 1), ones], axis=1)


class Means:
    """W4: intersect, then add up under secret sharing."""

    def __init__(self, order: Order, owner: Owner | None, link: Any) -> None:
        self.order, self.owner, self.link = order, owner, link
        self.config = libspu.RuntimeConfig(protocol=libspu.ProtocolKind.ABY3, field=libspu.FieldType.FM64)
        self.config.max_concurrency = 1
        self.config.experimental_enable_colocated_optimization = True
        self.runtime = spu.Runtime(link, self.config)
        self.executables: dict[int, Any] = {}

    def run(self) -> Done:
        """Parties without data are told how many rows there are."""
        rows = self._rows()
        if rows not in self.executables:
            self.executables[rows] = self._compiled(rows)
        io = spu.Io(3, self.config)
        for name, owner, known in self._inputs(rows):
            shares = io.make_shares(known, libspu.Visibility.VIS_SECRET, owner)
            self.runtime.set_var(name, shares[self.order.party])
        self.runtime.run(self.executables[rows])
        share = self.runtime.get_var("out")
        if not self.order.receives:
            for part in (str(len(share.share_chunks)), share.meta, *share.share_chunks):
                self.link.send_async(0, part)
            return Done(None, None)
        total = np.asarray(io.reconstruct([share, *(self._received(party) for party in (1, 2))]))
        return Done(total[:, 0] / total[:, 1], None)

    def _rows(self) -> int:
        if self.owner is None:
            return int(self.link.recv(0))
        rows = self.owner.intersect(keep_rows=True)
        if self.order.party == 0:
            self.link.send_async(2, str(rows))
        return rows

    def _inputs(self, rows: int) -> list[tuple[str, int, Array]]:
        members, amount = np.zeros((rows, GROUPS), np.int64), np.zeros(rows, np.int64)
        if self.order.party == 0 and self.owner is not None:
            names = [f"group {number}" for number in range(GROUPS)]
            members = (self.owner.column(1)[:, None] == np.array(names)).astype(np.int64)
        if self.order.party == 1 and self.owner is not None:
            amount = self.owner.column(1).astype(np.int64)
        return [("in0", 0, members), ("in1", 1, amount)]

    def _compiled(self, rows: int) -> Any:
        arrays = [array for _, _, array in self._inputs(0)]
        shapes = [np.zeros((rows, *array.shape[1:]), array.dtype) for array in arrays]
        visibility = [libspu.Visibility.VIS_SECRET] * 2
        return frontend.compile(
            frontend.Kind.JAX, sums, shapes, {}, ["in0", "in1"], visibility, lambda out: ["out"] * len(out)
        )[0]

    def _received(self, party: int) -> Any:
        count = int(self.link.recv(party))
        share = libspu.Share()
        share.meta = self.link.recv(party)
        share.share_chunks = [self.link.recv(party) for _ in range(count)]
        return share


async def prepare(order: Order) -> Run:
    """Connect, and run once."""
    between_owners = connect(order, 2, order.ports) if order.party < 2 else None
    owner = None if between_owners is None else Owner(order, between_owners)
    if order.workload == "W2" and owner is not None:

        async def run() -> Done:
            common = owner.intersect(keep_rows=False)
            return Done(np.array([common]) if order.receives else None, None)

    else:
        means = Means(order, owner, connect(order, 3, order.ports[order.parties :]))

        async def run() -> Done:
            return means.run()

    await run()
    return run


if __name__ == "__main__":
    serve(prepare)
