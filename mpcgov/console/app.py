"""The agency's console: its routes, behind its guard."""

from __future__ import annotations

from aiohttp import web

from mpcgov.console.desk import Desk
from mpcgov.console.frame import Frame
from mpcgov.console.guard import Guard
from mpcgov.console.pages import TABS, Pages, sent_to_sign_in
from mpcgov.console.policy import PolicyPages
from mpcgov.console.signing import Signing

LIMIT_BYTES = 64 << 10


def application(desk: Desk, origin: str, listen: str) -> web.Application:
    """The console of the node behind a desk, for browsers that come to `origin`."""
    guard = Guard(origin, listen)
    frame = Frame(guard, TABS)
    app = frame.application(LIMIT_BYTES, sent_to_sign_in)
    Pages(desk, frame).add_routes(app.router)
    PolicyPages(desk, frame).add_routes(app.router)
    Signing(desk, guard).add_routes(app.router)
    return app
