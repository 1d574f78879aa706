"""A disk that is full from some write on: each command says so in one line, and can be run again once there is room."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run
from mpcgov.coordinator import home as coordinator_home
from mpcgov.node import home as homes
from mpcgov.node import operator
from tests.node.network import Network

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
AGENCY = ("--party", "tax", "--address", "127.0.0.1:7101")
PERIODIC = """
protocol: joint-count
purpose: "{period}"
legal_basis: none
parties: {labour: {dataset: people}, welfare: {dataset: people}, education: {dataset: people}}
params: {by: [region]}
receivers: [coordinator]
"""
SCHEDULE = ("--every", "month", "--first", "2026-01", "--most", "3")


class Disk:
    """Takes so many files, folders and links of ours, and then none. `hit`: whether that was noticed."""

    def __init__(self, folder: Path, room: int) -> None:
        self._folder = str(folder)
        self._room = room
        self.hit = False

    def takes(self, path: Any) -> None:
        if isinstance(path, str | Path) and str(Path(path).absolute()).startswith(self._folder):
            self._room -= 1
            if self._room < 0:
                self.hit = True
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """As long as this lasts."""
        opened, made, linked, low = io.open, os.mkdir, os.link, os.open

        def open_file(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            if set(mode) & set("wax+"):
                self.takes(file)
            return opened(file, mode, *args, **options)

        def open_low(path: Any, flags: int, *args: Any, **options: Any) -> int:
            if flags & WRITES:
                self.takes(path)
            return low(path, flags, *args, **options)

        def first(act: Callable[..., Any]) -> Callable[..., Any]:
            def checked(path: Any, *args: Any, **options: Any) -> Any:
                self.takes(path)
                return act(path, *args, **options)

            return checked

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(io, "open", open_file)
            patch.setattr(builtins, "open", open_file)
            patch.setattr(os, "open", open_low)
            patch.setattr(os, "mkdir", first(made))
            patch.setattr(os, "link", first(linked))
            yield


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Homes of a consortium; welfare's has a database, and hq's is a coordinator's in full."""
    made = Network(tmp_path_factory.mktemp("network"))
    (made.home("hq") / coordinator_home.CONFIG_FILE).write_text("name: hq\n")
    nothing = typed(made.folder, "node", "backup", "--home", "welfare", "--out", "none")
    assert nothing[2] == "mpcgov: welfare: nothing is on record yet; start the node once, then back it up\n"
    with operator.opened(made.home("welfare")) as (_, book, _):
        book.note("started")
    cards = [typed(made.folder, "card", "--home", party)[1] for party in made.parties]
    for party, text in zip(made.parties, cards, strict=True):
        (made.folder / f"{party}.card").write_text(text)
    (made.folder / "job.yaml").write_text(PERIODIC)
    return made


def typed(folder: Path, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(words)
    return status, out.getvalue(), err.getvalue()


COMMANDS = {
    "node init": ("node", "init", "--home", "tax", *AGENCY),
    "coordinator init": ("coordinator", "init", "--home", "second", "--name", "second"),
    "node rotate": ("node", "rotate", "--home", "education"),
    "consortium create": ("consortium", "create", "--home", "hq", "labour.card", "welfare.card", "education.card",
                          "--out", "roster.json"),
    "consortium sign": ("consortium", "sign", "--home", "labour", "new.json"),
    "consortium join": ("consortium", "join", "--home", "labour", "signed.json"),
    "node backup": ("node", "backup", "--home", "welfare", "--out", "out.backup"),
    "node restore": ("node", "restore", "--home", "again", "--from", "welfare.backup"),
    "node people add": ("node", "people", "add", "anna", "--role", "approver", "--home", "welfare"),
    "job schedule add": ("job", "schedule", "add", "monthly", "job.yaml", *SCHEDULE, "--home", "hq"),
    "job schedule run": ("job", "schedule", "run", "--home", "hq"),
    "protocol new": ("protocol", "new", "my-count", "--kind", "count"),
}  # fmt: skip
CHANGE_NOTHING_TWICE = frozenset({"node people add"})
"""What a database has taken stays taken, though the head of its log can't be written."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_said_in_a_line_and_the_command_can_be_run_again(network: Network, name: str) -> None:
    before(network, name)
    for room in itertools.count():
        disk = Disk(network.folder, room)
        with disk.used():
            status, _, said = typed(network.folder, *COMMANDS[name])
        if not disk.hit:
            assert status in (0, 4), said
            assert room > 0
            break
        if status == 0:
            assert name in CHANGE_NOTHING_TWICE
            break
        assert status in (2, 4), said
        assert "No space left on device" in said or "can't use its database" in said or "can't write the head" in said
        assert "fault of mpcgov" not in said
        assert said.startswith("mpcgov: ")
        assert said.count("\n") == 1, said
    left = [path.name for path in network.folder.rglob(".*.new*")]
    assert not left, left


def before(network: Network, name: str) -> None:
    """What must be there first."""
    folder = network.folder
    if name in ("consortium sign", "consortium join"):
        typed(folder, *COMMANDS["consortium create"][:-1], "new.json" if name.endswith("sign") else "signed.json")
    if name == "consortium join":
        for party in network.parties:
            assert typed(folder, "consortium", "sign", "--home", party, "signed.json")[0] == 0
    if name == "node restore":
        assert typed(folder, "node", "backup", "--home", "welfare", "--out", "welfare.backup")[0] == 0
    if name == "job schedule run":
        typed(folder, *COMMANDS["job schedule add"])
    if name == "protocol new":
        shutil.rmtree(folder / "my-count", ignore_errors=True)
    assert homes.load(network.home("labour")).roster is not None
