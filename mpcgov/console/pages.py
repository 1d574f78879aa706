"""The pages: each asks the desk for what it shows, in the session of who looks, and fills in a template."""

from __future__ import annotations

import re
from typing import Any

import jinja2
from aiohttp import web

from mpcgov.console.desk import Desk
from mpcgov.console.guard import VISIT, Guard
from mpcgov.console.signing import JOB
from mpcgov.console.texts import LANGUAGES, catalogue, chosen
from mpcgov.errors import LocalError, MpcgovError

LANGUAGE = "language"
YEAR_S = 365 * 86400
_BACK = re.compile(r"/([a-z0-9-]+(/[a-z0-9-]+)*)?")
TABS = ("waiting", "jobs", "datasets", "budgets", "health", "audit", "people")


class Pages:
    """The routes that show something and change nothing."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("mpcgov.console", "templates"),
            autoescape=True,  # purposes, reasons and names come from others
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds them."""
        router.add_get("/", self._waiting)
        router.add_get("/jobs", self._jobs)
        router.add_get(f"/jobs/{JOB}", self._job)
        router.add_get("/datasets", self._datasets)
        router.add_get("/budgets", self._budgets)
        router.add_get("/health", self._health)
        router.add_get("/audit", self._audit)
        router.add_get("/people", self._people)
        router.add_get("/sign-in", self._sign_in)
        router.add_get("/enrol", self._enrol)
        router.add_get("/language", self._language)

    async def fault(self, request: web.Request, error: MpcgovError, status: int) -> web.StreamResponse:
        """What is wrong, as a page or, for a script, as JSON."""
        if request.method == "POST":
            return web.json_response({"error": error.line()}, status=status)
        return self._page(request, "fault.html", status=status, tab="", error=error, me=None)

    def sent_to_sign_in(self, _: web.Request) -> web.StreamResponse:
        """To whoever isn't signed in."""
        return web.Response(status=303, headers={"Location": "/sign-in"})

    async def _waiting(self, request: web.Request) -> web.StreamResponse:
        found = await self._ask(request, "jobs", which="waiting", page=_number(request, "page"))
        return await self._shown(request, "waiting.html", "waiting", **found)

    async def _jobs(self, request: web.Request) -> web.StreamResponse:
        text = request.query.get("q", "").strip().lower()
        asked = text if re.fullmatch(r"[a-z2-7-]{0,14}", text) else "-"
        found = await self._ask(request, "jobs", which="all", page=_number(request, "page"), text=asked)
        return await self._shown(request, "jobs.html", "jobs", q=text, **found)

    async def _job(self, request: web.Request) -> web.StreamResponse:
        found = await self._ask(request, "job", job=request.match_info["job"])
        return await self._shown(request, "job.html", "waiting" if found["may_decide"] else "jobs", view=found)

    async def _datasets(self, request: web.Request) -> web.StreamResponse:
        return await self._shown(request, "datasets.html", "datasets", **await self._ask(request, "datasets"))

    async def _budgets(self, request: web.Request) -> web.StreamResponse:
        return await self._shown(request, "budgets.html", "budgets", found=await self._ask(request, "budgets"))

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return await self._shown(request, "health.html", "health", **await self._ask(request, "health"))

    async def _audit(self, request: web.Request) -> web.StreamResponse:
        text, before = request.query.get("q", "").strip()[:200], _number(request, "before", 18)
        found = await self._ask(request, "audit", before=before, text=text)
        checked = await self._ask(request, "audit_verified") if "check" in request.query else None
        return await self._shown(request, "audit.html", "audit", q=text, before=before, checked=checked, **found)

    async def _people(self, request: web.Request) -> web.StreamResponse:
        return await self._shown(request, "people.html", "people", **await self._ask(request, "people"))

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        about = await self._desk.ask("about")
        return self._page(request, "sign-in.html", tab="", me=None, about=about)

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        about = await self._desk.ask("about")
        return self._page(request, "enrol.html", tab="", me=None, about=about)

    async def _language(self, request: web.Request) -> web.StreamResponse:
        to, back = request.query.get("to", ""), request.query.get("back", "/")
        if to not in LANGUAGES:
            raise LocalError("there is no such page", code="route")
        response = web.Response(status=303, headers={"Location": back if _BACK.fullmatch(back) else "/"})
        response.set_cookie(LANGUAGE, to, max_age=YEAR_S, httponly=True, samesite="Strict", path="/")
        return response

    async def _ask(self, request: web.Request, question: str, **what: Any) -> dict[str, Any]:
        return await self._desk.ask(question, session=request[VISIT].token, **what)

    async def _shown(self, request: web.Request, name: str, tab: str, **what: Any) -> web.StreamResponse:
        return self._page(request, name, tab=tab, me=await self._ask(request, "who"), **what)

    def _page(self, request: web.Request, name: str, *, status: int = 200, **what: Any) -> web.StreamResponse:
        language = chosen(request.cookies.get(LANGUAGE, ""), request.headers.get("Accept-Language", ""))
        words = catalogue(language)
        text = self._templates.get_template(name).render(
            language=language, languages=LANGUAGES, tabs=TABS, csrf=request[VISIT].csrf, here=request.path,
            t=words.say, word=words.word, sentence=words.sentence, moment=words.moment, **what,
        )  # fmt: skip
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)


def _number(request: web.Request, name: str, digits: int = 6) -> int:
    text = request.query.get(name, "0")
    return int(text) if re.fullmatch(f"[0-9]{{1,{digits}}}", text, re.ASCII) else 0
