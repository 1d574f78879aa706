"""What scripts of our pages ask: to sign in, to make a passkey, and to say yes or no with one. JSON in and out.

The console can do nothing of this by itself. It passes a browser's answer on, and the node says whether it holds.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mpcgov.console.bodies import form, json_object, text
from mpcgov.console.desk import Desk
from mpcgov.console.guard import VISIT, Guard
from mpcgov.errors import LocalError, Refused

ANSWER = ("ticket", "credential")
JOB = r"{job:[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}}"


class Signing:
    """The routes that change something."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds them."""
        router.add_post("/sign-in/options", self._to_sign_in)
        router.add_post("/sign-in", self._sign_in)
        router.add_post("/provider/options", self._to_provider)
        router.add_get("/provider", self._from_provider)
        router.add_post("/sign-out", self._sign_out)
        router.add_post("/enrol/options", self._to_enrol)
        router.add_post("/passkey/options", self._to_enrol_own)
        router.add_post("/enrol", self._enrol)
        router.add_post("/policy/options", self._to_agree)
        router.add_post("/policy/agree", self._agree)
        router.add_post(f"/jobs/{JOB}/options", self._to_decide)
        router.add_post(f"/jobs/{JOB}/decide", self._decide)

    async def _to_sign_in(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        await json_object(request)
        return web.json_response(await self._desk.ask("to_sign_in"))

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        body = await json_object(request, *ANSWER)
        found = await self._desk.ask("sign_in", ticket=text(body, "ticket"), credential=_credential(body))
        response = web.json_response({"next": "/"})
        # Another token than before: one that somebody had put into this browser is worth nothing.
        self._guard.remember(response, found["session"])
        return response

    async def _to_provider(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        await json_object(request)
        return web.json_response(await self._desk.ask("to_provider", browser=request[VISIT].token))

    async def _from_provider(self, request: web.Request) -> web.StreamResponse:
        """A browser comes back from the agency's provider: `state` is what only our own page's browser can name."""
        self._guard.tried(request)
        state, code, issuer = (request.query.get(name, "") for name in ("state", "code", "iss"))
        if "error" in request.query or not state or not code:
            raise Refused("your agency's sign-in let nobody in", hint="try again", code="provider")
        found = await self._desk.ask(
            "from_provider", browser=request[VISIT].token, state=state[:100], code=code, issuer=issuer
        )
        response = web.Response(status=303, headers={"Location": "/"})
        self._guard.remember(response, found["session"])
        return response

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        await self._desk.ask("sign_out", session=request[VISIT].token)
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        self._guard.remember(response, self._guard.stranger())
        return response

    async def _to_enrol(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        body = await json_object(request, "link")
        return web.json_response(await self._desk.ask("to_enrol", link=text(body, "link")))

    async def _to_enrol_own(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        await json_object(request)
        return web.json_response(await self._desk.ask("to_enrol_own", session=request[VISIT].token))

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        body = await json_object(request, *ANSWER)
        found = await self._desk.ask("enrol", ticket=text(body, "ticket"), credential=_credential(body))
        return web.json_response({"next": "/" if found["account"] else "/sign-in"})

    async def _to_agree(self, request: web.Request) -> web.StreamResponse:
        body, session = await json_object(request, "text", "digest"), request[VISIT].token
        what = {"text": text(body, "text"), "digest": text(body, "digest")}
        return web.json_response(await self._desk.ask("to_agree", session=session, **what))

    async def _agree(self, request: web.Request) -> web.StreamResponse:
        body, session = await json_object(request, *ANSWER), request[VISIT].token
        ticket, credential = text(body, "ticket"), _credential(body)
        await self._desk.ask("agree", session=session, ticket=ticket, credential=credential)
        return web.json_response({"next": "/policy"})

    async def _to_decide(self, request: web.Request) -> web.StreamResponse:
        body, session = await json_object(request, "said", "reason"), request[VISIT].token
        what = {"said": text(body, "said"), "reason": text(body, "reason")}
        return web.json_response(
            await self._desk.ask("to_decide", session=session, job=request.match_info["job"], **what)
        )

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        body, session = await json_object(request, *ANSWER), request[VISIT].token
        ticket, credential = text(body, "ticket"), _credential(body)
        await self._desk.ask("decide", session=session, ticket=ticket, credential=credential)
        return web.json_response({"next": f"/jobs/{request.match_info['job']}"})


def _credential(body: dict[str, Any]) -> dict[str, Any]:
    """A browser's answer, with what the node looks at and nothing else."""
    value = body.get("credential")
    response = value.get("response") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(response, dict):
        raise LocalError("credential: expected a browser's answer", code="body")
    names = ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")
    kept = {name: response[name] for name in names if isinstance(response.get(name), str)}
    return {name: str(value.get(name, "")) for name in ("id", "rawId", "type")} | {"response": kept}
