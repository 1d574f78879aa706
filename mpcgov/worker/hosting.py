"""The task that Dask places on a worker of the agency's cluster: a confined process, joined to the node by TLS.

Nothing of a job but its order, which holds no data, goes by Dask. Rows, keys and shares come over the connection to the
node, which is known by a certificate made for this job, and which knows us by a token that is used once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import sys

from mpcgov import registry
from mpcgov.errors import LocalError
from mpcgov.process.control import Channel
from mpcgov.spec.load import parse_json
from mpcgov.spec.order import Order

CHUNK_BYTES = 1 << 20
DIAL_S = 20.0
LOST_S = 30
"""A machine at the other end that is silent for so long is gone."""

KEPT = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "TMPDIR", "XDG_CACHE_HOME"})
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""As of a node's own children: the process can't be confined otherwise."""


def host(order: str, engine: str, address: tuple[str, int], certificate: str, token: bytes) -> None:
    """Has a worker run here until the node closes the connection.

    Args:
        engine: the digest of the node's mpcgov. address: where the node waits. certificate: its, PEM.

    Raises:
        LocalError: another mpcgov, or another version of the protocol, is installed here.
    """
    if registry.engine_digest() != engine:
        raise LocalError("another mpcgov than the node's is installed here", code="engine")
    said = parse_json(order.encode(), Order, "order", len(order) * 4)
    protocol = registry.find(said.proposal.job.protocol_name)
    if protocol.digest != said.proposal.protocol_digest:
        raise LocalError("another version of the protocol is installed here", code="protocol")
    said = said.model_copy(update={"folder": str(protocol.folder), "datasets": None, "part": True})
    asyncio.run(_host(said, address, certificate, token))


async def _host(order: Order, address: tuple[str, int], certificate: str, token: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate itself is what is known
    context.load_verify_locations(cadata=certificate)
    async with asyncio.timeout(DIAL_S):
        reader, writer = await asyncio.open_connection(*address, ssl=context)
    keep_alive(writer.get_extra_info("socket"))
    writer.write(token)
    parent, control = socket.socketpair()
    ours, theirs = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "mpcgov.worker", "run", str(control.fileno()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name in KEPT} | ONE_THREAD,
        pass_fds=[control.fileno()],
        start_new_session=True,
    )  # fmt: skip
    try:
        with control, theirs:
            await Channel(parent).send(order, [theirs.fileno()])
        await joined((reader, writer), await asyncio.open_connection(sock=ours, limit=CHUNK_BYTES))
    finally:
        parent.close()
        writer.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def keep_alive(sock: socket.socket) -> None:
    """Has the system look whether a silent machine is still there: one that has lost its power says no goodbye."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", LOST_S // 3), ("TCP_KEEPINTVL", LOST_S // 6), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * LOST_S)


End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def joined(one: End, other: End) -> None:
    """Carries bytes both ways until either end is closed; then closes both."""
    both = [asyncio.ensure_future(_carry(one[0], other[1])), asyncio.ensure_future(_carry(other[0], one[1]))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        one[1].close()
        other[1].close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
