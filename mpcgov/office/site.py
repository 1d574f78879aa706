"""What all pages of one coordinator's console need: home, frame, who has come in, and the members' catalogue."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from mpcgov.console.frame import Frame
from mpcgov.coordinator import home as homes
from mpcgov.coordinator import service
from mpcgov.coordinator.catalogue import Catalogue
from mpcgov.coordinator.home import StoredJob
from mpcgov.office.entry import Entry
from mpcgov.results.standings import Standings
from mpcgov.spec.roster import Card, Roster
from mpcgov.trust.client import Client

FRESH_S, MISSING_S = 30.0, 5.0
"""How long the members' catalogue is taken for what it is; where a node didn't answer, it is asked again sooner."""

SETTLED_NS = 10**9
MOST_KEPT = 2000
JOB = r"{job:[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}}"


class Site:
    """One coordinator's console."""

    def __init__(self, home: Path, frame: Frame, entry: Entry) -> None:
        self.home = home
        self._home = homes.load(home)
        self.name = self._home.identity.name
        self._frame = frame
        self._entry = entry
        self._catalogue: tuple[float, Catalogue] | None = None
        self._stored: dict[str, StoredJob] = {}
        self._newest: tuple[int, list[str]] = (-1, [])
        self._standings: tuple[tuple[Roster, Card], Standings] | None = None

    def page(self, request: web.Request, name: str, tab: str, *, status: int = 200, **what: Any) -> web.Response:
        """A page for whoever has come in."""
        me = {"party": self.name, "name": self._entry.user, "role": ""}
        return self._frame.page(request, name, status=status, tab=tab, me=me, **what)

    async def catalogue(self) -> Catalogue:
        """What the members show, as of half a minute ago at most."""
        if self._catalogue is not None:
            at, known = self._catalogue
            if time.monotonic() - at < (MISSING_S if known.missing else FRESH_S):
                return known
        found = await service.catalogue(self.home)
        self._catalogue = (time.monotonic(), found)
        return found

    async def standings(self) -> Standings:
        """Who asks the nodes how jobs stand, over connections that are kept while roster and keys are the same."""
        home = homes.load(self.home)
        roster, identity = home.roster()[1], home.identity
        if self._standings is None or self._standings[0] != (roster, identity.card):
            old, new = self._standings, Standings(Client(identity, roster))
            self._standings = ((roster, identity.card), new)
            if old is not None:
                await old[1].close()
        return self._standings[1]

    async def close(self, _: web.Application) -> None:
        """Gives the connections back."""
        if self._standings is not None:
            await self._standings[1].close()

    def stored(self, name: str) -> StoredJob:
        """A job that was proposed; read and verified once, as it never changes.

        Raises:
            LocalError: there is none.
        """
        if name not in self._stored:
            while len(self._stored) >= MOST_KEPT:
                del self._stored[next(iter(self._stored))]
            self._stored[name] = homes.stored(self._home, name)
        return self._stored[name]

    def newest(self) -> list[str]:
        """The ids of the jobs that were proposed, the newest first; looked for anew once their folder has changed."""
        folder = self._home.path / "jobs"
        changed_ns = folder.stat().st_mtime_ns if folder.is_dir() else 0
        known_ns, names = self._newest
        if changed_ns != known_ns:
            names = homes.newest(self._home)
            # Two changes may have the same time, if both have only just been made.
            self._newest = (changed_ns if time.time_ns() - changed_ns > SETTLED_NS else -1, names)
        return names


def to(path: str) -> web.Response:
    """On to another page."""
    return web.Response(status=303, headers={"Location": path})


def number(request: web.Request, name: str) -> int:
    """A small number of the address; 0 if it is anything else."""
    text = request.query.get(name, "0")
    return int(text) if re.fullmatch("[0-9]{1,6}", text, re.ASCII) else 0
