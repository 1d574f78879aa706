"""A consortium on one machine: agencies' nodes as daemons with real TLS, and a coordinator, in a folder to throw away.

It does what the agencies' people would do, and tells each step with the command they would type.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from mpcgov import files
from mpcgov.coordinator import home as coordinator_home
from mpcgov.errors import MpcgovError, PeerError
from mpcgov.node import home as node_home
from mpcgov.trust import consortium
from mpcgov.trust.client import Client

COORDINATOR = "hq"
"""What the coordinator and its home are called."""
START_LIMIT_S = 120.0
STOP_LIMIT_S = 5.0
LOG = "serve.log"

Tell = Callable[[str], None]


class Running(Protocol):
    """A node's process: a `subprocess.Popen`, or a `mpcgov.trial.copied.Copy`."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, once it was found to have ended."""

    def poll(self) -> int | None:
        """Looks whether it has ended: its exit status then."""

    def terminate(self) -> None:
        """Asks it to end."""

    def kill(self) -> None:
        """Ends it."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises: subprocess.TimeoutExpired: it hasn't ended by then."""


Start = Callable[[Path], Running]
"""Starts the node in a home."""


@contextlib.contextmanager
def kept_ports(count: int) -> Iterator[list[int]]:
    """Ports for nodes that nobody else is given, neither before they listen nor while they are down.

    The system gives nobody a port that is bound; on Linux a server that may reuse its address, as a node's may, listens
    beside a socket that is bound and doesn't listen.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
        ports = [sock.getsockname()[1] for sock in sockets]
        if sys.platform != "linux":
            stack.close()
        yield ports


def found(base: Path, agencies: Path, parties: Mapping[str, int], tell: Tell) -> dict[str, Path]:
    """The parties' homes, with keys, copies of their agencies' files and a list of members that all have signed.

    Args:
        base: where the homes are made; the coordinator's is there, too, under its name.
        agencies: a folder for each party, with its data and what it declares and allows.
        parties: with the port of each one's node.
        tell: hears each step, as a line.
    """
    homes = _identities(base, agencies, parties, tell)
    _agree(base, homes, tell)
    return {party: homes[party] for party in parties}


def _identities(base: Path, agencies: Path, parties: Mapping[str, int], tell: Tell) -> dict[str, Path]:
    tell("1. Every agency makes its keys, where its data are; the coordinator makes its own.")
    homes = {}
    for party, port in parties.items():
        homes[party] = base / party
        shutil.copytree(agencies / party, homes[party])
        node_home.init(homes[party], party, f"127.0.0.1:{port}")
        tell(f"   $ mpcgov node init --home {party} --party {party} --address 127.0.0.1:{port}")
    coordinator_home.init(base / COORDINATOR, COORDINATOR)
    tell("   $ mpcgov coordinator init --home hq --name hq")
    tell("   Each agency's people write datasets.yaml (what they hold) and policy.yaml (what they allow).")
    return homes | {COORDINATOR: base / COORDINATOR}


def _agree(base: Path, homes: Mapping[str, Path], tell: Tell) -> None:
    tell("\n2. They exchange cards; each signs the list of members, and pins everyone's certificate.")
    parties = [name for name in homes if name != COORDINATOR]
    identities = {party: node_home.load(homes[party]).identity for party in parties}
    identities[COORDINATOR] = coordinator_home.load(homes[COORDINATOR]).identity
    for party in parties:
        files.replace(base / f"{party}.card", consortium.card_envelope(identities[party]).to_bytes())
        tell(f"   $ mpcgov card --home {party} > {party}.card")
    cards = [consortium.read_card(base / f"{party}.card") for party in parties]
    envelope = consortium.create(cards, identities[COORDINATOR], threshold=1, serial=1)
    tell(f"   $ mpcgov consortium create --home hq {' '.join(f'{party}.card' for party in parties)} --out roster.json")
    for party in parties:
        envelope = consortium.sign_roster(envelope, identities[party])
        tell(f"   $ mpcgov consortium sign --home {party} roster.json")
    for name, home in homes.items():
        consortium.join(home, envelope, identities[name])
        tell(f"   $ mpcgov consortium join --home {name} roster.json")


def started(home: Path) -> Running:
    """The node in this home as agencies start it, but for its log: that is `serve.log` there."""
    command = [sys.executable, "-P", "-m", "mpcgov", "node", "serve", "--home", str(home)]
    with (home / LOG).open("wb") as log:
        # Ctrl-C is for us: we end the nodes, in order. No shell sees the arguments.
        return subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


@contextlib.contextmanager
def daemons(homes: Mapping[str, Path], tell: Tell, start: Start | None = None) -> Iterator[dict[str, Running]]:
    """The agencies' nodes, each a process of its own; ended on every way out. `start`: else `started`."""
    tell("\n3. Each agency starts its node. They talk TLS 1.3 only, and only with the certificates of the list.")
    running: dict[str, Running] = {}
    try:
        for party, home in homes.items():
            with undisturbed():  # or there were a node that we don't know of
                running[party] = (start or started)(home)
            tell(f"   $ mpcgov node serve --home {party}")
        yield running
    finally:
        with undisturbed():  # whoever asks twice
            _stop(list(running.values()))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C, or a request to end, is met after this step: it would be met anywhere, and the step be left half done."""
    if threading.current_thread() is not threading.main_thread():  # no other meets any
        yield
        return
    met: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: met.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if met:
            signal.raise_signal(met[0])


def _stop(processes: list[Running]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_LIMIT_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def all_answer(hq: Path, running: Mapping[str, Running]) -> None:
    """Returns once every node answers the coordinator.

    Raises:
        PeerError: one ended, or doesn't answer in time.
    """
    home = coordinator_home.load(hq)
    async with Client(home.identity, home.roster()[1]) as client:
        await asyncio.gather(*(_answers(client, party, process) for party, process in running.items()))


async def _answers(client: Client, party: str, process: Running) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_LIMIT_S
    while True:
        try:
            await client.request(party, "GET", "/v1/about", timeout_s=2.0)
        except MpcgovError as error:
            if process.poll() is not None:
                raise PeerError(f"{party}: its node ended with status {process.returncode}", code="start") from None
            if loop.time() > deadline:
                raise error from None
            await asyncio.sleep(0.1)
        else:
            return
