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
from mpcgov.office.entry import Entry

FRESH_S = 30.0
JOB = r"{job:[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}}"


class Site:
    """One coordinator's console."""

    def __init__(self, home: Path, frame: Frame, entry: Entry) -> None:
        self.home = home
        self.name = homes.load(home).identity.name
        self._frame = frame
        self._entry = entry
        self._catalogue: tuple[float, Catalogue] | None = None

    def page(self, request: web.Request, name: str, tab: str, *, status: int = 200, **what: Any) -> web.Response:
        """A page for whoever has come in."""
        me = {"party": self.name, "name": self._entry.user, "role": ""}
        return self._frame.page(request, name, status=status, tab=tab, me=me, **what)

    async def catalogue(self) -> Catalogue:
        """What the members show, as of half a minute ago at most."""
        now = time.monotonic()
        if self._catalogue is None or now - self._catalogue[0] > FRESH_S or self._catalogue[1].missing:
            self._catalogue = (now, await service.catalogue(self.home))
        return self._catalogue[1]


def to(path: str) -> web.Response:
    """On to another page."""
    return web.Response(status=303, headers={"Location": path})


def number(request: web.Request, name: str) -> int:
    """A small number of the address; 0 if it is anything else."""
    text = request.query.get(name, "0")
    return int(text) if re.fullmatch("[0-9]{1,6}", text, re.ASCII) else 0
