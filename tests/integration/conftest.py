"""Three agencies with data, a coordinator, and their nodes as real processes, set up only by commands."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import mpcgov
from mpcgov.cli.main import run
from mpcgov.trial.copied import Copy
from tests.integration import copies
from tests.patience import LONG_S
from tests.ports import free_ports

PARTIES = ("tax", "welfare", "census")
CHECKOUT = Path(mpcgov.__file__).parent.parent
ROWS = {"tax": 17, "welfare": 20, "census": 3}
"""Rows in the cell North; South has 2 at each, so 6 in all: suppressed."""

DATASETS = "".join(
    f"""
{name}:
  source: {name}.csv
  max_rows: 1000
  columns:
    region: {{kind: category, values: [North, South]}}
    age: {{kind: integer, min: 0, max: 120}}
"""
    for name in ("people", "others")
)
POLICY = """
approve: manual
protocols: [joint-count]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator, tax]
datasets:
  people: {columns: {region: [group], age: [filter]}, min_count: 10}
  others: {columns: {region: [group], age: [filter]}, min_count: 10}
"""


@dataclass(frozen=True)
class Shown:
    """What a command printed, and its exit status."""

    stdout: str
    stderr: str
    status: int = 0


@dataclass
class Network:
    """The homes of all members in one folder, and the running nodes."""

    folder: Path
    typed_nodes: tuple[str, ...] = ()
    """Whose nodes are started by their command; the others are copies of this process, to save time."""
    nodes: dict[str, subprocess.Popen[bytes] | Copy] = field(default_factory=dict)

    def typed(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command as a process of its own."""
        command = [sys.executable, "-m", "mpcgov", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment(CHECKOUT),
            text=True,
            capture_output=True,
            timeout=LONG_S,
            check=False,
        )

    def tried(self, *arguments: str) -> Shown:
        """Runs a command in the folder of the homes, here, to save time."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(list(arguments))
        return Shown(out.getvalue(), err.getvalue(), status)

    def mpcgov(self, *arguments: str, expect: int = 0) -> Shown:
        """Runs a command, as `tried`; its exit status must be the expected one."""
        shown = self.tried(*arguments)
        assert shown.status == expect, f"{arguments}: {shown.status}\n{shown.stdout}\n{shown.stderr}"
        if expect:
            assert len(shown.stderr.splitlines()) == 1, shown.stderr
        return shown

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """What a command prints with --json."""
        return json.loads(self.mpcgov(*arguments, "--json", expect=expect).stdout)

    def job(self, **changes: Any) -> str:
        """A job file over all three agencies."""
        job = {
            "protocol": "joint-count",
            "purpose": "People by region",
            "legal_basis": "Statistics Act, section 12",
            "parties": {party: {"dataset": "people", "where": "age >= 18"} for party in PARTIES},
            "params": {"by": ["region"]},
            "receivers": ["coordinator"],
        } | changes
        (self.folder / "job.yaml").write_text(json.dumps(job))
        return "job.yaml"

    def submit(self, **changes: Any) -> str:
        """Proposes a job; its id."""
        return self.mpcgov("job", "submit", self.job(**changes), "--home", "hq").stdout.splitlines()[-1]

    def denied(self, **changes: Any) -> str:
        """Why a job that must be denied is."""
        return self.mpcgov("job", "submit", self.job(**changes), "--home", "hq", expect=3).stderr

    @contextlib.contextmanager
    def policy(self, party: str, text: str) -> Iterator[None]:
        """Another policy at a party for a while."""
        path = self.folder / party / "policy.yaml"
        before = path.read_text()
        path.write_text(text)
        try:
            yield
        finally:
            path.write_text(before)

    def approve(self, job: str, *parties: str) -> None:
        """Says yes at some agencies."""
        for party in parties:
            self.mpcgov("node", "approve", job, "--home", party)

    def status(self, job: str) -> dict[str, Any]:
        """How a job stands."""
        found: dict[str, Any] = self.json("job", "status", job, "--home", "hq")
        return found

    def ended(self, job: str, limit_s: float = LONG_S) -> dict[str, Any]:
        """How a job ended."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            found = self.status(job)
            if found["state"] in ("RELEASED", "DENIED", "REJECTED", "ABORTED", "FAILED", "EXPIRED", "CANCELLED"):
                return found
            time.sleep(0.1)
        raise AssertionError(f"still {found} after {limit_s} s\n{self.logs()}")

    def heard(self, job: str, state: str, party: str) -> None:
        """Waits until a party's own node has a job in this state: it hears of the others' ends a moment later."""
        deadline = time.monotonic() + LONG_S
        while f"{job}  {state}" not in self.mpcgov("node", "jobs", "--home", party).stdout:
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def released(self, job: str) -> None:
        """Waits for the end of a job, which must be a good one."""
        found = self.ended(job)
        assert found["state"] == "RELEASED", f"{found}\n{self.logs()}"

    def start(self, *parties: str, checkout: Path = CHECKOUT) -> None:
        """Starts nodes, from this checkout or another one, and waits until they serve."""
        for party in parties:
            self._spawn(party, checkout)
        for party in parties:
            self._wait_for(party)

    def _spawn(self, party: str, checkout: Path) -> None:
        log = self.folder / f"{party}.log"
        if party not in self.typed_nodes and checkout == CHECKOUT:
            log.touch()
            self.nodes[party] = copies.started(self.folder / party, log)
            return
        with log.open("wb") as stream:
            self.nodes[party] = subprocess.Popen(
                [sys.executable, "-m", "mpcgov", "node", "serve", "--home", party], cwd=self.folder,
                env=environment(checkout), stdout=stream, stderr=stream,
            )  # fmt: skip

    def _wait_for(self, party: str) -> None:
        deadline = time.monotonic() + LONG_S
        while "is serving on" not in (self.folder / f"{party}.log").read_text():
            assert self.nodes[party].poll() is None, self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def stop(self, party: str) -> None:
        """Stops a node as its operator would."""
        process = self.nodes.pop(party)
        process.terminate()
        try:
            assert process.wait(LONG_S) == 0, self.logs()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def logs(self) -> str:
        """What the nodes said, for a test that fails."""
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))


def environment(checkout: Path) -> dict[str, str]:
    """This process's environment, with mpcgov from a checkout."""
    return os.environ | {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}


def checkout_copy(folder: Path) -> Path:
    """mpcgov and its protocols in another place, for a test to change; with what is compiled of their modules."""
    for name in ("mpcgov", "protocols"):
        shutil.copytree(CHECKOUT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("homes"), write_home, typed_nodes=("tax",)) as network:
        yield network


@contextlib.contextmanager
def running(folder: Path, write: Callable[[Path, str], None], typed_nodes: tuple[str, ...] = ()) -> Iterator[Network]:
    """All members' homes, agreed, with the agencies' nodes running; `write` puts data and files into a party's home."""
    network = Network(folder, typed_nodes)
    _agree(network, dict(zip(PARTIES, free_ports(len(PARTIES)), strict=True)), write)
    try:
        network.start(*PARTIES)
        yield network
    finally:
        for process in network.nodes.values():
            process.terminate()
        for process in network.nodes.values():
            try:
                process.wait(LONG_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _agree(network: Network, ports: dict[str, int], write: Callable[[Path, str], None]) -> None:
    for party, port in ports.items():
        network.mpcgov("node", "init", "--home", party, "--party", party, "--address", f"127.0.0.1:{port}")
        write(network.folder / party, party)
    network.mpcgov("coordinator", "init", "--home", "hq", "--name", "hq")
    for party in PARTIES:
        (network.folder / f"{party}.card").write_text(network.mpcgov("card", "--home", party).stdout)
    cards = [f"{party}.card" for party in PARTIES]
    network.mpcgov("consortium", "create", "--home", "hq", *cards, "--out", "roster.json")
    for party in PARTIES:
        network.mpcgov("consortium", "sign", "--home", party, "roster.json")
    for name in (*PARTIES, "hq"):
        network.mpcgov("consortium", "join", "--home", name, "roster.json")


def write_home(home: Path, party: str) -> None:
    """A party's data, declaration and policy."""
    (home / "datasets.yaml").write_text(DATASETS)
    (home / "policy.yaml").write_text(POLICY)
    rows = ["North,30"] * ROWS[party] + ["South,40"] * 2 + ["North,17"] * 5
    for name in ("people", "others"):
        (home / f"{name}.csv").write_text("\n".join(["region,age", *rows]) + "\n")
