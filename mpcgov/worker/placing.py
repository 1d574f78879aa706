"""`python -m mpcgov.worker.placing FD`: places a job's workers on the agency's Dask cluster, joined to the node.

Dask's scheduler and its clients unpickle what the other says: whoever rules the scheduler rules this process. So it
holds none of the node's keys, and the kernel lets it open none, nor change or dial what is on this machine but by
TCP and UDP; without that it doesn't run. It has a certificate for the cluster, one of its own making for the workers,
and what these send and get. See ADR 28.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import secrets
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mpcgov import registry
from mpcgov.errors import LocalError, MpcgovError, SpecError
from mpcgov.process import landlock, seccomp
from mpcgov.process.control import Channel, receive_first
from mpcgov.process.memory import no_dumps
from mpcgov.spec.order import CLUSTER, Fault, Placing, Report
from mpcgov.worker import hosting

CONNECT_S = 8.0
DIALLED_S = 15.0
"""How long a cluster's machine has to dial in. Both together are less than other parties wait for our greeting."""

TOKEN_BYTES = 32

LOOKED_UP_BY = (
    *(Path("/etc", name) for name in ("resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "ld.so.cache")),
    Path("/run/systemd/resolve"),  # where resolv.conf points to, and is replaced
)
"""What names are looked up by. TLS has read what it needs when `own_certificate` is made."""


def main() -> None:
    """Places workers as the node says on its socket, and ends when the node closes it."""
    no_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    first = receive_first(control, Placing)
    if first is not None:
        asyncio.run(_serve(Channel(control), *first))
    os._exit(0)


async def _serve(channel: Channel, placing: Placing, descriptors: list[int]) -> None:
    streams = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    try:
        placed = Placed(placing, streams)
        await placed.place()
        report = Report(event="ready")
    except MpcgovError as error:
        report = Report(event="failed", fault=Fault.model_validate(error.to_json()))
    except Exception as error:
        fault = LocalError(f"workers can't be placed on the cluster ({type(error).__name__})", code=CLUSTER)
        report = Report(event="failed", fault=Fault.model_validate(fault.to_json()))
    await channel.send(report)
    await channel.receive(Report)  # nothing comes but the end


class Placed:
    """The workers of one job on a cluster."""

    def __init__(self, placing: Placing, streams: list[socket.socket]) -> None:
        self._placing = placing
        self._waiting = {secrets.token_bytes(TOKEN_BYTES): stream for stream in streams}
        self._tokens = list(self._waiting)
        self._all = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._futures: list[Any] = []

    async def place(self) -> None:
        """Returns once every worker has dialled in.

        Raises:
            MpcgovError: some haven't, or Dask isn't installed, or the cluster can't be reached.
        """
        certificate, context = own_certificate()
        client = await connected(self._placing)
        workers = await client.scheduler.identity(n_workers=-1)
        addresses = sorted(workers["workers"])
        if len(addresses) < len(self._tokens):
            raise LocalError(
                f"workers: the cluster has {len(addresses)} workers, not {len(self._tokens)}",
                hint="start more, or ask for fewer in node.yaml: 'dask://host:port?workers=N'",
                code=CLUSTER,
            )
        host, _ = client.scheduler_comm.comm.local_address.removeprefix("tls://").rsplit(":", 1)
        server = await asyncio.start_server(self._dialled, host.strip("[]"), 0, ssl=context)
        address = host.strip("[]"), server.sockets[0].getsockname()[1]
        order = self._placing.order.model_dump_json()
        said = order, registry.engine_digest(), address, certificate
        for worker, token in zip(addresses, self._tokens, strict=False):
            self._futures.append(client.submit(hosting.host, *said, token, workers=[worker], pure=False, retries=0))
        await self._dialled_in()

    async def _dialled_in(self) -> None:
        """Returns once all workers are there.

        Raises:
            LocalError: one says why it can't be, or says nothing.
        """
        there = asyncio.ensure_future(self._all.wait())
        failing = [asyncio.ensure_future(future._result(raiseit=False)) for future in self._futures]  # noqa: SLF001 - waits without raising what was unpickled
        done, _ = await asyncio.wait({there, *failing}, timeout=DIALLED_S, return_when=asyncio.FIRST_COMPLETED)
        if there in done:
            return
        said = [one.result() for one in failing if one in done and not one.cancelled()]
        why = next((f": {one[1]}" for one in said if isinstance(one, tuple) and isinstance(one[1], MpcgovError)), "")
        raise LocalError(
            f"workers: {len(self._waiting)} of {len(self._tokens)} on the cluster didn't come{why}",
            hint="is the same mpcgov installed there, and may its machines dial this one?",
            code=CLUSTER,
        )

    async def _dialled(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Joins a worker that shows a token that nobody has shown yet to its stream."""
        try:
            async with asyncio.timeout(CONNECT_S):
                shown = await reader.readexactly(TOKEN_BYTES)
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            shown = b""
        token = next((one for one in self._waiting if secrets.compare_digest(one, shown)), None)
        if token is None:
            writer.close()
            return
        hosting.keep_alive(writer.get_extra_info("socket"))
        stream = self._waiting.pop(token)
        if not self._waiting:
            self._all.set()
        await hosting.joined((reader, writer), await asyncio.open_connection(sock=stream, limit=hosting.CHUNK_BYTES))


async def connected(placing: Placing) -> Any:
    """A client of the cluster, over TLS with certificates of the cluster's own.

    Raises:
        MpcgovError: Dask isn't installed, a file isn't there, or the scheduler doesn't answer.
    """
    try:
        import distributed
    except ImportError:
        raise SpecError("workers: Dask isn't installed", hint="pip install 'mpcgov[dask]'", code=CLUSTER) from None
    ca, certificate, key = placing.files
    try:
        _readable(placing.files)
    except OSError:
        raise LocalError(
            f"workers: {', '.join(placing.files)} can't be read",
            hint="put the cluster's certificates there: docs/operations.md",
            code=CLUSTER,
        ) from None
    shut_in(placing.files)  # before anything comes that could be unpickled
    security = distributed.Security(
        tls_ca_file=ca, tls_client_cert=certificate, tls_client_key=key, require_encryption=True
    )
    try:
        return await distributed.Client(
            f"tls://{placing.scheduler}", security=security, asynchronous=True, timeout=CONNECT_S, set_as_default=False
        )
    except (OSError, ValueError, TimeoutError):
        raise LocalError(
            f"workers: no scheduler answers at {placing.scheduler} by TLS with these certificates",
            hint="is it running, and are its certificates of the same authority?",
            code=CLUSTER,
        ) from None


def shut_in(files: Iterable[str]) -> None:
    """From now on this process reads these files, Python's own and what names are looked up by, and dials by TCP and
    UDP alone.

    Raises:
        LocalError: the kernel doesn't do that. Who unpickles what others send must not have a node's rights.
    """
    readable = [*map(Path, files), *LOOKED_UP_BY]
    lacking = [
        *([] if landlock.restrict(readable, dials=True) else ["Landlock, or threads ran before"]),
        *([] if seccomp.refuse(dials=True) else ["seccomp"]),
    ]
    if lacking:
        raise LocalError(
            f"workers: what talks to Dask's scheduler can't be confined here: no {', no '.join(lacking)}",
            hint="it takes Linux 5.13 or newer on x86-64 or arm64; or say a number in node.yaml: 'workers: 2'",
            code=CLUSTER,
        )


def _readable(paths: Iterable[str]) -> None:
    for path in paths:
        Path(path).read_bytes()


def own_certificate() -> tuple[str, ssl.SSLContext]:
    """A certificate for this job's workers to know us by, PEM, and what serves with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as folder:  # as Python's ssl takes keys from files alone
        chain = Path(folder) / "chain.pem"
        chain.touch(mode=0o600)
        chain.write_bytes(private + pem)
        context.load_cert_chain(chain)
    return pem.decode(), context


if __name__ == "__main__":
    main()
