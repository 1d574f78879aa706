"""What the consoles have in common: templates and words, pages of faults, files that pages load, and the language."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import jinja2
from aiohttp import web

from mpcgov.console.guard import VISIT, Guard, Handler
from mpcgov.console.texts import LANGUAGES, OWN, catalogue, chosen
from mpcgov.errors import InternalError, LocalError, MpcgovError

LANGUAGE = "language"
YEAR_S = 365 * 86400
STATUS = {1: 500, 2: 404, 3: 403, 4: 503}
FAULTS = {404: "there is no such page", 405: "this page takes no form", 413: "this is longer than a page of ours sends"}
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_BACK = re.compile(r"/([a-z0-9-]+(/[a-z0-9-]+)*)?")


class Frame:
    """One console's pages: `tabs` stand above each. `packages` have its templates, words and files, its own first."""

    def __init__(self, guard: Guard, tabs: Sequence[str], packages: Sequence[str] = OWN) -> None:
        self._guard = guard
        self._tabs = tabs
        self._packages = tuple(packages)
        self._templates = jinja2.Environment(
            loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package, "templates") for package in packages]),
            autoescape=True,  # purposes, reasons and names come from others
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
        )
        # All of it is read now: later no file needs to be opened, and the first to look at a page doesn't wait.
        for name in self._templates.list_templates(extensions=["html"]):
            self._templates.get_template(name)
        for language in LANGUAGES:
            catalogue(language, self._packages)

    def application(self, limit_bytes: int, stranger: Callable[[web.Request], web.StreamResponse]) -> web.Application:
        """An application behind the guard, with the files that pages load; its pages are still to be added.

        Args:
            limit_bytes: how long a request may be.
            stranger: the answer to whoever has no session.
        """

        @web.middleware
        async def outside(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guard.let_in(request, lambda request: self._answered(request, handler, stranger))

        app = web.Application(middlewares=[outside], client_max_size=limit_bytes)
        for name, body in _files(self._packages).items():
            app.router.add_get(f"/static/{name}", _file(name, body))
        app.router.add_get("/language", self._language)
        return app

    def page(self, request: web.Request, name: str, *, status: int = 200, **what: Any) -> web.Response:
        """A page, in the reader's language."""
        language = chosen(request.cookies.get(LANGUAGE, ""), request.headers.get("Accept-Language", ""))
        words = catalogue(language, self._packages)
        text = self._templates.get_template(name).render(
            language=language, languages=LANGUAGES, tabs=self._tabs, csrf=request[VISIT].csrf, here=request.path,
            t=words.say, word=words.word, sentence=words.sentence, moment=words.moment, figure=words.figure,
**what,
        )  # fmt: skip
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)

    def fault(self, request: web.Request, error: MpcgovError, status: int) -> web.StreamResponse:
        """What went wrong: a page, or JSON for scripts."""
        if request.content_type == "application/json":
            return web.json_response({"error": error.line(), "code": error.code}, status=status)
        return self.page(request, "fault.html", status=status, tab="", error=error, me=None)

    async def _answered(
        self, request: web.Request, handler: Handler, stranger: Callable[[web.Request], web.StreamResponse]
    ) -> web.StreamResponse:
        """The answer, or a page that says what is wrong: never a trace, never what somebody sent."""
        fault: MpcgovError
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                return error
            fault, status = LocalError(FAULTS.get(error.status, FAULTS[404]), code="route"), error.status
        except MpcgovError as error:
            if error.code == "session" and request.method == "GET":
                return stranger(request)
            fault, status = error, 400 if error.code == "body" else STATUS[error.exit_status]
        except ConnectionError:  # the browser has hung up, and sees none of this
            fault, status = LocalError("the request broke off", code="body"), 400
        except Exception as error:
            print(f"mpcgov console: {type(error).__name__}", file=sys.stderr)  # noqa: T201 - without what it may quote
            fault, status = InternalError("a fault of the console itself"), 500
        return self.fault(request, fault, status)

    async def _language(self, request: web.Request) -> web.StreamResponse:
        to, back = request.query.get("to", ""), request.query.get("back", "/")
        if to not in LANGUAGES:
            raise LocalError("there is no such page", code="route")
        response = web.Response(status=303, headers={"Location": back if _BACK.fullmatch(back) else "/"})
        response.set_cookie(LANGUAGE, to, max_age=YEAR_S, httponly=True, samesite="Strict", path="/")
        return response


def _files(packages: Sequence[str]) -> dict[str, bytes]:
    """The files that pages load, read once: no name that a browser sends ever becomes a path."""
    folders = [resources.files(package) / "static" for package in reversed(packages)]
    files = [one for folder in folders if folder.is_dir() for one in folder.iterdir()]
    return {one.name: one.read_bytes() for one in files if one.name.rpartition(".")[2] in KINDS}


def _file(name: str, body: bytes) -> Handler:
    async def given(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=KINDS[name.rpartition(".")[2]], charset="utf-8")

    return given
