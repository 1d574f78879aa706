"""The console as a process of its own: what it opens, what it can't, and that it lives and ends with its node."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from mpcgov.errors import LocalError
from mpcgov.node.desk import enrolment
from tests.console.authenticator import Browser
from tests.node.network import Network, when
from tests.patience import LONG_S
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
WATCHED = """
import sys
def look(event, arguments):
    if event in ("open", "os.listdir", "os.exec", "os.posix_spawn", "subprocess.Popen", "sqlite3.connect"):
        print(event, *arguments[:1], file=sys.stderr, flush=True)
    if event == "socket.connect":
        print(event, arguments[1], file=sys.stderr, flush=True)
sys.addaudithook(look)
import runpy
runpy.run_module("mpcgov.console", run_name="__main__", alter_sys=True)
"""
PAGES = ("/", "/jobs", "/datasets", "/budgets", "/audit", "/people", "/health")


async def test_the_process_opens_nothing_of_the_agencys_but_the_desk(tmp_path: Path) -> None:
    """Every file that Python opens for it is watched while somebody signs in, looks at every page, and says yes."""
    network, (port, own_port) = Network(tmp_path), free_ports(2)
    home, origin, process = network.home("labour"), f"http://localhost:{port}", None
    console = f"console: {{listen: '127.0.0.1:{own_port}', origin: '{origin}'}}\n"
    (home / "node.yaml").write_text((home / "node.yaml").read_text() + console)
    await network.start("labour")
    try:
        # Not the one that the node starts: this one is watched.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WATCHED, str(home / "state/desk.sock"), f"127.0.0.1:{port}", origin,
            cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        lines: list[str] = []
        reading = asyncio.create_task(_read(process.stderr, lines))
        await when(lambda: any("the console is at" in line for line in lines), "the console never began")
        async with aiohttp.ClientSession() as session:
            browser = Browser(origin, f"http://127.0.0.1:{port}", session)
            assert await browser.enrol(await asyncio.to_thread(enrolment.add, home, "anna", "approver")) == 200
            assert await browser.sign_in() == 200
            proposal = network.proposal()
            job = (await network.submit(proposal, "labour"))["labour"]["job"]
            for page in (*PAGES, f"/jobs/{job}"):
                assert (await browser.get(page))[0] == 200
            assert (await browser.say(job))[0] == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        await reading
    finally:
        if process is not None and process.returncode is None:
            process.kill()
        await network.stop()
    opened = [line for line in lines if str(tmp_path) in line]
    assert set(opened) <= {f"open {home}/state"}  # the folder of the desk's socket, as a place and not to read
    assert not [line for line in lines if line.startswith(("sqlite3", "subprocess", "os.exec", "os.posix_spawn"))]
    dialled = {line for line in lines if line.startswith("socket.connect")}
    assert all(re.fullmatch(r"socket.connect /proc/self/fd/\d+/desk.sock", line) for line in dialled), dialled


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode().rstrip())


LOADED = {"aiohappyeyeballs", "aiohttp", "aiosignal", "attr", "frozenlist", "idna", "jinja2", "markupsafe", "mpcgov",
          "multidict", "propcache", "typing_extensions", "yarl"}  # fmt: skip
"""All that isn't Python's own: 24 MB with it. What else a page needs is asked of the node, which has it loaded."""
OWN = {"mpcgov.console", "mpcgov.errors", "mpcgov.process", "mpcgov.version"}
NEVER = {"sqlite3", "ssl", "multiprocessing", "xml"}
"""Of Python's own: what reads databases, speaks TLS, or takes much memory for nothing."""


def test_it_loads_nothing_that_reads_keys_data_or_databases_and_no_more_than_it_needs() -> None:
    """All of the process: its HTTP server, every template, and the words of every language."""
    code = """
import sys
before = set(sys.modules)
from mpcgov.process.withheld import Withheld
from mpcgov.console.__main__ import NEVER
Withheld(NEVER).begin()
from mpcgov.console import run
run.application(None, "http://localhost:7180", "127.0.0.1:7180")
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    found = done.stdout.split()
    # What Cython makes has modules of its own, by version; compiled parts of a package begin with a line.
    top = {name.partition(".")[0] for name in found if not name.startswith(("_cython", "cython_runtime"))}
    assert top - sys.stdlib_module_names == LOADED
    assert top & NEVER == set()
    ours = {".".join(name.split(".")[:2]) for name in found if name.startswith("mpcgov.")}
    assert ours == OWN


async def test_the_node_starts_it_and_it_ends_with_the_node(tmp_path: Path) -> None:
    network, (port,) = Network(tmp_path), free_ports(1)
    network.console("labour", port)
    await network.start("labour")
    url, headers = f"http://127.0.0.1:{port}/sign-in", {"Host": f"localhost:{port}"}
    async with aiohttp.ClientSession() as session:

        async def answers() -> bool:
            try:
                async with session.get(url, headers=headers) as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        for _ in range(20 * LONG_S):
            if await answers():
                break
            await asyncio.sleep(0.05)
        assert await answers()
        await network.stop()
        assert not await answers()


def test_another_address_than_the_one_passkeys_are_made_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mpcgov.cli.main import run
    from mpcgov.node import home as homes

    homes.init(tmp_path / "tax", "tax", "127.0.0.1:7001")
    asked = ["node", "console", "--home", str(tmp_path / "tax")]
    for address, why in (
        ("127.0.0.1:7181", "passkeys are made for http://localhost:7180"),
        ("0.0.0.0:7180", "an address of this machine alone"),
    ):
        assert run([*asked, "--listen", address]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert why in line
    # The right one, and no node: as well in one line.
    (tmp_path / "tax" / "state").rmdir() if (tmp_path / "tax" / "state").exists() else None
    command = [sys.executable, "-m", "mpcgov", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)
    assert "is it running?" in done.stderr


@pytest.mark.parametrize(
    ("origin", "fits"),
    [
        ("https://mpc.tax.example", True), ("https://mpc.tax.example:8443", True), ("http://localhost:7180", True),
        ("http://mpc.tax.example", False), ("https://mpc.tax.example/", False), ("https://192.0.2.1", False),
        ("https://MPC.tax.example", False), ("https://a@b.example", False), ("https://x:443", False),
        ("nonsense", False),
    ],
)  # fmt: skip
def test_an_origin_is_one_at_which_passkeys_work(origin: str, fits: bool) -> None:
    from mpcgov.errors import SpecError
    from mpcgov.node.desk.config import ConsoleConfig
    from mpcgov.spec.load import validate

    try:
        assert validate({"origin": origin}, ConsoleConfig, "node.yaml").seen_at == origin
    except SpecError:
        assert not fits
    else:
        assert fits


def test_people_are_added_listed_and_removed_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mpcgov.cli.main import run

    home = str(Network(tmp_path).home("labour"))
    assert run(["node", "people", "add", "anna", "--role", "approver", "--home", home]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"http://localhost:7180/enrol#[\w-]{32}\n", out)
    assert "works once" in err
    assert run(["node", "people", "add", "anna", "--role", "viewer", "--home", home]) == LocalError.exit_status
    assert run(["node", "people", "add", "Anna B", "--role", "viewer", "--home", home]) == LocalError.exit_status
    assert run(["node", "people", "link", "nobody", "--home", home]) == LocalError.exit_status
    capsys.readouterr()
    assert run(["node", "people", "list", "--home", home]) == 0
    assert re.search(r"anna +approver +person 1 +0", capsys.readouterr().out)
    assert run(["node", "people", "remove", "anna", "--home", home]) == 0
