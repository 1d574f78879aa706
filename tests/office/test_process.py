"""The console as somebody starts it: a link on the terminal, pages behind it, and an end by Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from mpcgov.cli.main import run
from tests.node.network import Network
from tests.office.headquarters import Visitor
from tests.patience import LONG_S
from tests.ports import free_ports


async def test_the_command_prints_a_link_that_lets_one_browser_in_and_ends_when_told(tmp_path: Path) -> None:
    network, port = Network(tmp_path), free_ports(1)[0]
    (network.folder / "hq" / "coordinator.yaml").write_text("name: hq\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mpcgov", "coordinator", "console", "--home", str(network.folder / "hq"),
        "--listen", f"127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        link = (await asyncio.wait_for(process.stdout.readline(), LONG_S)).decode().strip()
        assert link.startswith(f"http://localhost:{port}/enter#")
        async with aiohttp.ClientSession() as session:
            anna = Visitor(f"http://localhost:{port}", session)
            await anna.get("/enter")
            assert await anna.enter(link) == 200
            assert "no jobs yet" in (await anna.get("/"))[1]
        process.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(process.communicate(), LONG_S)
        assert (process.returncode, errors.decode()) == (0, "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_it_is_served_on_this_machine_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = Network(tmp_path)
    (network.folder / "hq" / "coordinator.yaml").write_text("name: hq\n")
    for listen in ("0.0.0.0:7181", "example.gov:7181", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999"):
        assert run(["coordinator", "console", "--home", str(network.folder / "hq"), "--listen", listen]) == 2
        assert "expected a port on this machine" in capsys.readouterr().err
    assert run(["coordinator", "console", "--home", str(tmp_path / "labour")]) == 2
    assert "not a coordinator" in capsys.readouterr().err
