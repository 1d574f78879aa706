"""The coordinator's console: its routes, behind its guard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from mpcgov.clock import Clock
from mpcgov.console.frame import Frame
from mpcgov.console.guard import Guard, Handler
from mpcgov.office.compose import Compose
from mpcgov.office.drafts import Drafts
from mpcgov.office.entry import Entry, to_enter
from mpcgov.office.jobs import Jobs
from mpcgov.office.outcome import Outcome
from mpcgov.office.repeats import Repeats
from mpcgov.office.site import Site

LIMIT_BYTES = 256 << 10
TABS = ("jobs", "compose", "drafts", "schedules", "catalogue")
PACKAGES = ("mpcgov.office", "mpcgov.console")
OPEN = ("/enter", "/link", "/sign-out", "/language", "/static/")


def application(
    home: Path, origin: str, listen: str, clock: Clock, tell: Callable[[str], None]
) -> tuple[web.Application, Entry]:
    """The console of the coordinator in `home`, for browsers that come to `origin`; and the way in.

    Args:
        listen: host and port on this machine.
        clock: for sessions.
        tell: writes a link to the terminal.
    """
    guard = Guard(origin, listen, "mpcgov-coordinator")
    frame = Frame(guard, TABS, PACKAGES)
    entry = Entry(guard, origin, clock, tell)
    site = Site(home, frame, entry)

    @web.middleware
    async def inside(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(OPEN):
            entry.require(request)
        return await handler(request)

    app = frame.application(LIMIT_BYTES, to_enter)
    app.middlewares.append(inside)
    app.on_cleanup.append(site.close)
    entry.add_routes(app.router, frame)
    drafts = Drafts(site)
    drafts.add_routes(app.router)
    outcome = Outcome(site)
    outcome.add_routes(app.router)
    Jobs(site, drafts, outcome).add_routes(app.router)
    Compose(site, drafts).add_routes(app.router)
    Repeats(site, drafts).add_routes(app.router)
    return app, entry
