"""The pages: each asks the desk for what it shows, in the session of who looks, and fills in a template."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from mpcgov.console.desk import Desk
from mpcgov.console.frame import Frame
from mpcgov.console.guard import VISIT
from mpcgov.console.signing import JOB

TABS = ("waiting", "jobs", "datasets", "policy", "budgets", "health", "audit", "people")


class Pages:
    """The routes that show something and change nothing."""

    def __init__(self, desk: Desk, frame: Frame) -> None:
        self._desk = desk
        self._frame = frame

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
        router.add_get("/passkey", self._passkey)

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
        return self._frame.page(request, "sign-in.html", tab="", me=None, about=about)

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        about = await self._desk.ask("about")
        return self._frame.page(request, "enrol.html", tab="", me=None, about=about, options="/enrol/options")

    async def _passkey(self, request: web.Request) -> web.StreamResponse:
        about = await self._desk.ask("about")
        return await self._shown(request, "enrol.html", "", about=about, options="/passkey/options")

    async def _ask(self, request: web.Request, question: str, **what: Any) -> dict[str, Any]:
        return await self._desk.ask(question, session=request[VISIT].token, **what)

    async def _shown(self, request: web.Request, name: str, tab: str, **what: Any) -> web.StreamResponse:
        return self._frame.page(request, name, tab=tab, me=await self._ask(request, "who"), **what)


def sent_to_sign_in(_: web.Request) -> web.StreamResponse:
    """To whoever isn't signed in."""
    return web.Response(status=303, headers={"Location": "/sign-in"})


def _number(request: web.Request, name: str, digits: int = 6) -> int:
    text = request.query.get(name, "0")
    return int(text) if re.fullmatch(f"[0-9]{{1,{digits}}}", text, re.ASCII) else 0
