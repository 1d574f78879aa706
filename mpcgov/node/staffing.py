"""Where a node's workers come from, as node.yaml says: processes on this machine, or the agency's own Dask cluster.

`workers: 2`, or `workers: 'dask://scheduler.example:8786?workers=8'` with the cluster's certificates in the home's
folder `dask`. See docs/operations.md.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from mpcgov.errors import InternalError, LocalError, MpcgovError
from mpcgov.node.process import environment
from mpcgov.node.staff import Hired, LocalStaff, Staff, pair
from mpcgov.process import landlock, seccomp
from mpcgov.process.control import Channel
from mpcgov.spec.order import CLUSTER, Order, Placing, Report

MOST = 64
FOLDER = "dask"
FILES = ("ca.pem", "certificate.pem", "key.pem")
DEFAULT_COUNT = 2
URL = r"^dask://(?P<at>[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5})(\?workers=(?P<count>[1-9]|[1-5][0-9]|6[0-4]))?$"


def _known(workers: object) -> object:
    if isinstance(workers, int) and not isinstance(workers, bool) and 1 <= workers <= MOST:
        return workers
    if isinstance(workers, str) and re.fullmatch(URL, workers):
        return workers
    raise ValueError(
        f"neither a number of processes from 1 to {MOST} nor dask://host:port?workers=N, with N up to {MOST}"
    )


# Before the union is tried, each part of which would tell a fault of its own.
Workers = Annotated[int | str, BeforeValidator(_known)]
"""How many processes, or which cluster."""


def of(workers: int | str, home: Path) -> Staff | None:
    """What hires workers; None of a single one, which the computing child is itself."""
    if isinstance(workers, int):
        return LocalStaff(workers) if workers > 1 else None
    return DaskStaff(*_parts(workers), home / FOLDER)


def _parts(url: str) -> tuple[str, int]:
    found = re.fullmatch(URL, url)
    if found is None:
        raise InternalError("an address of a cluster that was checked before isn't one")
    return found["at"], int(found["count"] or DEFAULT_COUNT)


def faults(workers: int | str, home: Path) -> list[str]:
    """What keeps a node from hiring workers, as far as that is seen on this machine."""
    if isinstance(workers, int):
        return []
    found = []
    if importlib.util.find_spec("distributed") is None:
        found.append("Dask isn't installed: pip install 'mpcgov[dask]'")
    missing = [str(home / FOLDER / name) for name in FILES if not (home / FOLDER / name).is_file()]
    if missing:
        found.append(f"{', '.join(missing)}: missing; put the cluster's certificates there (docs/operations.md)")
    if not (landlock.known() and seccomp.known()):
        found.append("what talks to the cluster can't be confined here: it takes Linux 5.13 with Landlock and seccomp")
    return found


@dataclass
class _Placed:
    """Workers on a cluster, and the process that has placed them, which they are connected to."""

    streams: list[socket.socket]
    process: asyncio.subprocess.Process
    channel: Channel

    async def dismiss(self) -> None:
        """See `Hired`."""
        for stream in self.streams:
            stream.close()
        self.channel.close()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass(frozen=True)
class DaskStaff:
    """Workers on the agency's Dask cluster, each on a worker of its own there."""

    scheduler: str
    count: int
    folder: Path

    async def hire(self, order: Order) -> Hired:
        """See `Staff`.

        Raises:
            LocalError: there is no cluster, or too small a one.
        """
        pairs = [pair() for _ in range(self.count)]
        ours, control = socket.socketpair()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "mpcgov.worker.placing", str(control.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            env=environment("run"),
            pass_fds=[control.fileno()],
            start_new_session=True,
        )  # fmt: skip
        control.close()
        placed = _Placed([one for one, _ in pairs], process, Channel(ours))
        try:
            ca, certificate, key = (str(self.folder / name) for name in FILES)
            order = order.model_copy(update={"datasets": None})
            told = Placing(order=order, scheduler=self.scheduler, files=(ca, certificate, key))
            await placed.channel.send(told, [theirs.fileno() for _, theirs in pairs])
            _check(await placed.channel.receive(Report))
        except BaseException:
            await asyncio.shield(placed.dismiss())
            raise
        finally:
            for _, theirs in pairs:
                theirs.close()
        return placed


def _check(report: Report | None) -> None:
    if report is None:
        raise LocalError("workers: what places them has died", hint="see this node's log", code=CLUSTER)
    if report.fault is not None:
        raise MpcgovError.from_json(report.fault.model_dump())
