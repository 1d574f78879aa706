"""The console's routes, behind its guard; and what becomes of whatever goes wrong."""

from __future__ import annotations

import sys
from importlib import resources

from aiohttp import web

from mpcgov.console.desk import Desk
from mpcgov.console.guard import Guard, Handler
from mpcgov.console.pages import Pages
from mpcgov.console.signing import Signing
from mpcgov.errors import InternalError, LocalError, MpcgovError

LIMIT_BYTES = 64 << 10
STATUS = {1: 500, 2: 404, 3: 403, 4: 503}
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def application(desk: Desk, origin: str, listen: str) -> web.Application:
    """The console of the node behind a desk, for browsers that come to `origin`."""
    guard = Guard(origin, listen)
    pages = Pages(desk, guard)
    signing = Signing(desk, guard)

    @web.middleware
    async def outside(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard.let_in(request, lambda request: _answered(pages, request, handler))

    app = web.Application(middlewares=[outside], client_max_size=LIMIT_BYTES)
    for name, body in _files().items():
        app.router.add_get(f"/static/{name}", _file(name, body))
    pages.add_routes(app.router)
    signing.add_routes(app.router)
    return app


async def _answered(pages: Pages, request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer, or a page that says what is wrong: never a trace, never what somebody sent."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            return error
        fault: MpcgovError = LocalError("there is no such page", code="route")
        return await pages.fault(request, fault, error.status)
    except MpcgovError as error:
        if error.code == "session" and request.method == "GET":
            return pages.sent_to_sign_in(request)
        return await pages.fault(request, error, STATUS[error.exit_status])
    except Exception as error:
        print(f"mpcgov console: {type(error).__name__}", file=sys.stderr)  # noqa: T201 - without what it may quote
        return await pages.fault(request, InternalError("a fault of the console itself"), 500)


def _files() -> dict[str, bytes]:
    """The files that pages load, read once: no name that a browser sends ever becomes a path."""
    folder = resources.files("mpcgov.console") / "static"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in KINDS}


def _file(name: str, body: bytes) -> Handler:
    async def given(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=KINDS[name.rpartition(".")[2]], charset="utf-8")

    return given
