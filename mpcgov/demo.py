"""The whole story on one machine: three agencies' nodes, a coordinator and two jobs, with real daemons and real TLS.

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
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mpcgov import consortium, files, registry
from mpcgov.client import Client
from mpcgov.coordinator import home as coordinator_home
from mpcgov.coordinator import service
from mpcgov.errors import LocalError, MpcgovError, PeerError
from mpcgov.node import home as node_home
from mpcgov.node import operator
from mpcgov.progress import Status
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml

MAIN_JOB = "people-on-registers.yaml"
LINKED_JOB = "wages-of-participants.yaml"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 5.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """What came of a job: its title, its result, and who learned what in words."""

    title: str
    result: dict[str, Any]
    learned: list[tuple[str, list[str]]]


def run(tell: Tell) -> list[Shown]:
    """Runs the main example job between three nodes of its own, and then one that links rows.

    All of it is gone afterwards, also after Ctrl-C.

    Args:
        tell: hears each step, as a line.

    Raises:
        LocalError: this installation has no examples. MpcgovError: what went wrong on the way.
    """
    examples = _examples()
    jobs = [load_yaml(examples / "jobs" / name, Job) for name in (MAIN_JOB, LINKED_JOB)]
    parties = tuple(dict.fromkeys(party for job in jobs for party in job.parties))
    started = time.monotonic()
    with _terminable(), tempfile.TemporaryDirectory(prefix="mpcgov-demo-") as folder:
        base = Path(folder)
        homes = _identities(base, examples / "agencies", parties, tell)
        _agree(base, homes, tell)
        with _daemons({party: homes[party] for party in parties}, tell) as running:
            asyncio.run(_all_answer(base / "hq", running))
            tell(f"  all {len(parties)} answer, {time.monotonic() - started:.1f} s after the start")
            results = [_job(base, examples / "jobs" / MAIN_JOB, homes, 4, tell)]
            tell("\nWhose rows are whose was no question there. The second job needs to know, and nobody may learn it.")
            results.append(_job(base, examples / "jobs" / LINKED_JOB, homes, 7, tell))
    tell(f"\nEverything took {time.monotonic() - started:.1f} s; all nodes are stopped, their folders removed.\n")
    return [Shown(job.purpose, result, who_learned(result, job)) for job, result in zip(jobs, results, strict=True)]


def who_learned(result: Mapping[str, Any], job: Job) -> list[tuple[str, list[str]]]:
    """Per participant, in words: what it brought, what it saw, what it learned."""
    manifest = registry.find(job.protocol_name).manifest
    seen = "shares and tags that look" if manifest.linked else "shares that look"
    leaks = {leak.id: leak.what for leak in manifest.leakage}
    learned = {who: [item["what"] for item in items] for who, items in result["learned"].items()}
    everyone = [name for name in leaks if all(name in names for names in learned.values())]
    sections = []
    for who, names in learned.items():
        tables = [f"the table {name.removeprefix('tables.')}" for name in names if name.startswith("tables.")]
        lines = [f"learned {', '.join(tables) or 'nothing of the result'}"]
        lines += [f"declared to leak: {leaks[name]}" for name in names if name in leaks and name not in everyone]
        part = job.parties.get(who)
        if part is not None:
            own = f"its own rows of {part.dataset}" if part.dataset else "no rows"
            lines.insert(0, f"saw {own}, and of the others only {seen} random")
        else:
            lines.insert(0, "saw no rows, and no share of anybody's input")
        sections.append((who, lines))
    return [*sections, ("everyone", [f"declared to leak: {leaks[name]}" for name in everyone])]


def _examples() -> Path:
    for folder in (registry.PACKAGE / "examples", registry.PACKAGE.parent / "examples"):
        if (folder / "jobs" / MAIN_JOB).is_file():
            return folder
    raise LocalError(
        "this installation has no examples", hint="run the demo from a checkout of the repository", code="examples"
    )


def _identities(base: Path, agencies: Path, parties: tuple[str, ...], tell: Tell) -> dict[str, Path]:
    tell("1. Every agency makes its keys, where its data are; the coordinator makes its own.")
    homes = {}
    for party, port in zip(parties, _free_ports(len(parties)), strict=True):
        homes[party] = base / party
        shutil.copytree(agencies / party, homes[party])
        node_home.init(homes[party], party, f"127.0.0.1:{port}")
        tell(f"   $ mpcgov node init --home {party} --party {party} --address 127.0.0.1:{port}")
    coordinator_home.init(base / "hq", "hq")
    tell("   $ mpcgov coordinator init --home hq --name hq")
    tell("   Each agency's people write datasets.yaml (what they hold) and policy.yaml (what they allow).")
    return homes | {"hq": base / "hq"}


def _agree(base: Path, homes: Mapping[str, Path], tell: Tell) -> None:
    tell("\n2. They exchange cards; each signs the list of members, and pins everyone's certificate.")
    parties = [name for name in homes if name != "hq"]
    identities = {party: node_home.load(homes[party]).identity for party in parties}
    identities["hq"] = coordinator_home.load(homes["hq"]).identity
    for party in parties:
        files.replace(base / f"{party}.card", consortium.card_envelope(identities[party]).to_bytes())
        tell(f"   $ mpcgov card --home {party} > {party}.card")
    cards = [consortium.read_card(base / f"{party}.card") for party in parties]
    envelope = consortium.create(cards, identities["hq"], threshold=1, serial=1)
    tell(f"   $ mpcgov consortium create --home hq {' '.join(f'{party}.card' for party in parties)} --out roster.json")
    for party in parties:
        envelope = consortium.sign_roster(envelope, identities[party])
        tell(f"   $ mpcgov consortium sign --home {party} roster.json")
    for name, home in homes.items():
        consortium.join(home, envelope, identities[name])
        tell(f"   $ mpcgov consortium join --home {name} roster.json")


@contextlib.contextmanager
def _daemons(homes: Mapping[str, Path], tell: Tell) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The agencies' nodes, each a process of its own; ended on every way out."""
    tell("\n3. Each agency starts its node. They talk TLS 1.3 only, and only with the certificates of the list.")
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for party, home in homes.items():
            command = [sys.executable, "-P", "-m", "mpcgov", "node", "serve", "--home", str(home)]
            with (home / "serve.log").open("wb") as log:
                # Ctrl-C is for us: we end the nodes, in order. No shell sees the arguments.
                running[party] = subprocess.Popen(  # noqa: S603
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            tell(f"   $ mpcgov node serve --home {party}")
        yield running
    finally:
        _stop(list(running.values()))


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_LIMIT_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _all_answer(hq: Path, running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Returns once every node answers the coordinator.

    Raises:
        PeerError: one ended, or doesn't answer in time.
    """
    home = coordinator_home.load(hq)
    async with Client(home.identity, home.roster()[1]) as client:
        await asyncio.gather(*(_answers(client, party, process) for party, process in running.items()))


async def _answers(client: Client, party: str, process: subprocess.Popen[bytes]) -> None:
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


def _job(base: Path, job_path: Path, homes: Mapping[str, Path], step: int, tell: Tell) -> dict[str, Any]:
    """One job from the proposal to its result, told in three steps from `step`."""
    job = load_yaml(job_path, Job)
    tell(f'\n{step}. The coordinator proposes a job: "{job.purpose}".')
    tell(f"   $ mpcgov job submit examples/jobs/{job_path.name} --home hq")
    stored = asyncio.run(service.submit_job(base / "hq", job_path))
    tell(f"   {stored.id}")
    tell(f"\n{step + 1}. A person at each agency looks at it and says yes; once all did, the nodes start.")
    for party in job.parties:
        operator.approve(homes[party], stored.id)
        tell(f"   $ mpcgov node approve {stored.id} --home {party}")
    approved = time.monotonic()
    ended, result = asyncio.run(service.wait_for(base / "hq", stored.id, _states_only(tell)))
    if result is None:
        raise PeerError(f"job {ended.job}: the coordinator is not among its receivers", code="receiver")
    tell(
        f"   {time.monotonic() - approved:.1f} s from the last yes to the result, while the nodes were still warming up"
    )
    tell(f"\n{step + 2}. The coordinator takes every node's signed share of the result, and opens it.")
    tell(f"   $ mpcgov job result {stored.id} --home hq")
    return result


def _states_only(tell: Tell) -> Callable[[Status], None]:
    """Tells of each state once, and of nothing in between."""
    told: list[str] = []

    def hear(now: Status) -> None:
        if now.state.value not in told:
            told.append(now.state.value)
            tell(f"   {now.state.value}")

    return hear


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A request to end is met like Ctrl-C: by way of every `finally`."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)  # asyncio meets it between two steps; an exception from here, anywhere

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
