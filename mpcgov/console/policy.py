"""The pages about the policy: how it stands, what a change would mean, and the forms that need no passkey."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mpcgov.console.bodies import form
from mpcgov.console.desk import Desk
from mpcgov.console.frame import Frame
from mpcgov.console.guard import VISIT


class PolicyPages:
    """The routes about the policy; its signing is `mpcgov.console.signing`'s."""

    def __init__(self, desk: Desk, frame: Frame) -> None:
        self._desk = desk
        self._frame = frame

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds them."""
        router.add_get("/policy", self._policy)
        router.add_get("/policy/edit", self._edit)
        router.add_post("/policy/check", self._checked)
        router.add_post("/policy/withdraw", self._withdraw)
        router.add_post("/policy/restore", self._restore)

    async def _policy(self, request: web.Request) -> web.StreamResponse:
        return await self._shown(request, "policy.html", now=await self._ask(request, "policy"))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        now = await self._ask(request, "policy")
        forward = (now["forward"] or {}).get("text")
        text = forward or now["written"] or now["text"]
        return await self._shown(request, "policy-edit.html", text=text, checked=None, needed=now["needed"])

    async def _checked(self, request: web.Request) -> web.StreamResponse:
        text = (await form(request, ("text",))).get("text", [""])[0]
        now = await self._ask(request, "policy")
        checked = await self._ask(request, "policy_checked", text=text)
        found = {"text": checked["text"], "checked": checked, "needed": now["needed"]}
        return await self._shown(request, "policy-edit.html", status=422 if checked["faults"] else 200, **found)

    async def _withdraw(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        await self._ask(request, "withdraw_policy")
        return web.Response(status=303, headers={"Location": "/policy"})

    async def _restore(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        await self._ask(request, "restore_policy")
        return web.Response(status=303, headers={"Location": "/policy"})

    async def _ask(self, request: web.Request, question: str, **what: Any) -> dict[str, Any]:
        return await self._desk.ask(question, session=request[VISIT].token, **what)

    async def _shown(self, request: web.Request, name: str, **what: Any) -> web.StreamResponse:
        return self._frame.page(request, name, tab="policy", me=await self._ask(request, "who"), **what)
