"""Jobs that are proposed again for each period: which there are, what became of each, and one more out of a draft."""

from __future__ import annotations

import re

from aiohttp import web

from mpcgov.console.bodies import form
from mpcgov.coordinator import schedule as schedules
from mpcgov.errors import MpcgovError
from mpcgov.office.drafts import DRAFT, Drafts
from mpcgov.office.fields import first
from mpcgov.office.site import Site, to

FIELDS = ("name", "every", "first", "most")
NAME = r"{name:[a-z][a-z0-9-]{0,63}}"


class Repeats:
    """The pages of schedules; they are run by the system's timer, not by the console."""

    def __init__(self, site: Site, drafts: Drafts) -> None:
        self._site = site
        self._drafts = drafts

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds them."""
        router.add_get("/schedules", self._list)
        router.add_post(f"/schedules/{NAME}/remove", self._remove)
        router.add_post(f"/drafts/{DRAFT}/schedule", self._add)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        found = schedules.schedules(self._site.home)
        return self._site.page(request, "schedules.html", "schedules", schedules=found)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        schedules.remove(self._site.home, request.match_info["name"])
        return to("/schedules")

    async def _add(self, request: web.Request) -> web.StreamResponse:
        given = await form(request, FIELDS)
        fields: dict[str, object] = {name: first(given, name) for name in FIELDS}
        most = first(given, "most")
        fields["most"] = int(most) if re.fullmatch("[0-9]{1,6}", most, re.ASCII) else most
        path = self._drafts.path(request.match_info["draft"])
        try:
            schedules.add(self._site.home, path, **fields)
        except MpcgovError as error:
            return await self._drafts.page(request, error)
        return to("/schedules")
