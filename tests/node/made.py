"""Homes of a consortium's members, made a few times in a process and then written out again, with the same keys."""

from __future__ import annotations

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mpcgov import keys
from mpcgov.node import home as homes
from mpcgov.node.store import Store
from mpcgov.trust import consortium
from tests.ports import own_ports

TURNS = 4
"""So many have keys and ports of their own: no test has nearly as many networks of one size at once."""

_turns: dict[tuple[str, ...], Iterator[int]] = defaultdict(lambda: itertools.cycle(range(TURNS)))


@dataclass(frozen=True)
class Homes:
    """The files of all members, each with its mode, by path."""

    files: dict[Path, tuple[int, bytes]]

    def write(self, folder: Path) -> None:
        """Puts them into a folder, as their owners would have them."""
        for path, (mode, data) in self.files.items():
            home = folder / path.parent
            if not home.is_dir():
                home.mkdir(parents=True, mode=0o700)
            (folder / path).touch(mode)
            (folder / path).write_bytes(data)


def joined(parties: tuple[str, ...]) -> Homes:
    """Homes of these parties and of their coordinator `hq`, who have joined one roster."""
    return _made(parties, next(_turns[parties]))


@cache
def _made(parties: tuple[str, ...], _turn: int) -> Homes:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ports = own_ports(len(parties))
        nodes = [
            homes.init(folder / party, party, f"127.0.0.1:{port}") for party, port in zip(parties, ports, strict=True)
        ]
        members = [*(node.identity for node in nodes), keys.create(folder / "hq", "coordinator", "hq", None)]
        *cards, _ = (member.card for member in members)
        envelope = consortium.create(cards, members[-1], 1, 1)
        for member in members[:-1]:
            envelope = consortium.sign_roster(envelope, member)
        for member in members:
            consortium.join(folder / member.name, envelope, member)
        for node in nodes:
            Store(node.state_path).close()  # has its tables
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return Homes({path.relative_to(folder): (path.stat().st_mode & 0o777, path.read_bytes()) for path in files})
