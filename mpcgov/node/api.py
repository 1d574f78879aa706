"""The node's HTTP interface: each route authorises its caller, calls the service, and answers JSON; nothing else.

Who the caller is follows from the certificate of its TLS connection, compared with the roster at each request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import structlog
from aiohttp import web
from pydantic import Field

from mpcgov import registry
from mpcgov.clock import Clock
from mpcgov.errors import InternalError, MpcgovError, Refused, SpecError
from mpcgov.node.answers import HTTP_STATUS, answer, no_route, taken, told, where, worked_out
from mpcgov.node.body import read_body
from mpcgov.node.book import Book
from mpcgov.node.door import Door
from mpcgov.node.forecast import forecast
from mpcgov.node.home import NodeHome
from mpcgov.node.listing import listing
from mpcgov.node.requests import RequestLog
from mpcgov.node.service import Service
from mpcgov.node.shares import evidence, share, with_the_end
from mpcgov.node.standing import EndNotice, Turn
from mpcgov.node.statements import ENVELOPE_LIMIT_BYTES
from mpcgov.node.store import JobRow
from mpcgov.node.verdict import declaration
from mpcgov.spec.ids import ColumnName, DatasetName
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.load import Frozen, parse_json
from mpcgov.spec.roster import Card
from mpcgov.spec.statement import Proposal
from mpcgov.trust.client import FRAME_LIMIT_BYTES, HEARTBEAT_S
from mpcgov.trust.tls import shown_certificate
from mpcgov.version import __version__

ENDED_S = 1.5
"""How long who asks for a job's end is let wait; earlier coordinators give up after 2 s."""
COLUMNS_LIMIT_BYTES = 256 << 10
AT_ONCE = 2
"""How many requests of one member to ask something, and how many to say something, may work at once."""
CALLER = web.RequestKey("caller", Card)
HELD = web.RequestKey("held", contextlib.ExitStack)
"""What is given back once a request is answered."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DeclarationRequest(Frozen):
    """Which columns of a data set somebody wants to know the declaration of."""

    dataset: DatasetName
    columns: Annotated[tuple[ColumnName, ...], Field(strict=False, max_length=1000)]


class Api:
    """The routes of one node."""

    def __init__(self, home: NodeHome, book: Book, service: Service, requests: RequestLog, clock: Clock) -> None:
        self._home = home
        self._book = book
        self._service = service
        self._requests = requests
        self._clock = clock
        self._log = structlog.get_logger().bind(party=home.party)
        self.door: Door | None = None
        self.seen: dict[str, float] = {}
        """When each member last asked something, by the node's clock."""
        self._turns: defaultdict[tuple[str, bool], asyncio.Semaphore]
        self._turns = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    def application(self) -> web.Application:
        """The routes, behind the gate that knows the caller and lets no error out as it is."""
        app = web.Application(middlewares=[self._gate])
        job = "/v1/jobs/{job:[a-z2-7-]{14}}"
        app.router.add_get("/v1/about", self._about)
        app.router.add_post("/v1/declarations", self._in_turn(self._declarations))
        app.router.add_get("/v1/datasets", self._in_turn(self._listing))
        app.router.add_get("/v1/protocols/{name:[a-z0-9-]{1,64}}", self._in_turn(self._protocol))
        app.router.add_get("/v1/datasets/{name:[a-z0-9_-]{1,64}}/matchers", self._in_turn(self._matchers))
        app.router.add_post("/v1/forecasts", self._in_turn(self._forecast))
        app.router.add_post("/v1/jobs", self._in_turn(self._submit))
        app.router.add_get(job, self._status)
        app.router.add_get(f"{job}/ended", self._ended)
        app.router.add_post(f"{job}/cancel", self._cancel)
        app.router.add_post(f"{job}/approvals", self._in_turn(self._approval))
        app.router.add_post(f"{job}/end", self._end)
        app.router.add_post(f"{job}/head", self._in_turn(self._head))
        app.router.add_post(f"{job}/receipts", self._in_turn(self._receipt))
        app.router.add_post(f"{job}/turn", self._turn)
        app.router.add_get(f"{job}/reaches/{{party:[a-z0-9-]{{1,64}}}}", self._reaches)
        app.router.add_post(f"{job}/complaints", self._in_turn(self._complaint))
        app.router.add_get(f"{job}/proposal", self._in_turn(self._proposal))
        app.router.add_get(f"{job}/share", self._in_turn(self._share))
        app.router.add_get(f"{job}/evidence", self._in_turn(self._evidence))
        app.router.add_get(f"{job}/stream", self._stream)
        return app

    def _in_turn(self, handler: Handler) -> Handler:
        """A handler that works in threads, of which there are few, or waits for the disk: only so many requests of a
        member are looked after at once, from reading their bodies until their answers are taken. Whoever asks for much
        waits for itself, and nobody else does; and what it says needn't wait for long answers that it is slow to take.
        """

        async def handled(request: web.Request) -> web.StreamResponse:
            turn = self._turns[request[CALLER].id, request.method == "POST"]
            await turn.acquire()
            request[HELD].callback(turn.release)
            return await handler(request)

        return handled

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Knows the caller, records the request, turns every failure into one line of JSON."""
        if self.door is None:
            raise web.HTTPServiceUnavailable
        with self.door.request(request.transport), contextlib.ExitStack() as held:
            card, code = None, "ok"
            request[HELD] = held
            try:
                card = self._caller(request)
                request[CALLER] = card
                self.seen[card.id] = self._clock.now()
                response = await handler(request)
            except MpcgovError as error:
                response, code = answer({"error": told(error)}, HTTP_STATUS[error.exit_status]), error.code
            except web.HTTPException as error:
                response, code = answer({"error": told(no_route(error))}, error.status), f"http {error.status}"
            except Exception as error:
                self._log.error("internal error", error=type(error).__name__, where=where(error))
                fault = InternalError(f"{self._home.party}: internal error", hint="see that node's log")
                response, code = answer({"error": told(fault)}, 500), fault.code
            return await taken(request, self._recorded(request, card, code, response))

    def _recorded(
        self, request: web.Request, card: Card | None, code: str, response: web.StreamResponse
    ) -> web.StreamResponse:
        """The response, once the request is on record; a refusal in its place if it can't be."""
        resource = request.match_info.route.resource
        what = f"{request.method} {resource.canonical if resource is not None else 'elsewhere'}"[:100]
        job = request.match_info.get("job", "")
        try:
            self._requests.record(card.id if card is not None else "stranger", what, code, job)
        except MpcgovError as error:
            # What can't be recorded isn't answered.
            if not response.prepared:
                return answer({"error": told(error)}, HTTP_STATUS[error.exit_status])
        return response

    def _caller(self, request: web.Request) -> Card:
        card = self._home.joined()[0].by_certificate(shown_certificate(request.transport))
        if card is None:
            raise Refused("this certificate is not in the roster", code="tls")
        return card

    async def _about(self, request: web.Request) -> web.Response:
        about: dict[str, Any] = {"party": self._home.party, "version": __version__}
        about["engine_digest"] = registry.engine_digest()
        caller = request[CALLER]
        if caller.role == "party":
            about["kept"] = self._book.heads.kept(caller.id).model_dump(mode="json")
        return answer(about | {"roster_digest": self._home.joined()[1], "now": self._clock.now()})

    async def _declarations(self, request: web.Request) -> web.Response:
        body = await read_body(request, COLUMNS_LIMIT_BYTES)

        def declared() -> dict[str, Any]:
            asked = parse_json(body, DeclarationRequest, "declarations", COLUMNS_LIMIT_BYTES)
            return declaration(self._home, asked.dataset, asked.columns).model_dump(mode="json")

        return await worked_out(declared)

    async def _listing(self, request: web.Request) -> web.Response:
        _require_coordinator(request)
        return await worked_out(lambda: listing(self._home))

    async def _protocol(self, request: web.Request) -> web.Response:
        return await worked_out(lambda: {"digest": registry.find(request.match_info["name"]).digest})

    async def _matchers(self, request: web.Request) -> web.Response:
        _require_coordinator(request)
        return await worked_out(lambda: {"matchers": self._book.seen_by_matchers(request.match_info["name"])})

    async def _forecast(self, request: web.Request) -> web.Response:
        _require_coordinator(request)
        body = await read_body(request, ENVELOPE_LIMIT_BYTES)

        def forecasted() -> dict[str, Any]:
            return forecast(self._book, parse_json(body, Proposal, "proposal", ENVELOPE_LIMIT_BYTES))

        return await worked_out(forecasted)

    async def _submit(self, request: web.Request) -> web.Response:
        _require_coordinator(request)
        return answer(await self._service.submit(await read_body(request, ENVELOPE_LIMIT_BYTES)))

    async def _status(self, request: web.Request) -> web.Response:
        return answer(self._service.status(self._job(request, COORDINATOR)))

    async def _ended(self, request: web.Request) -> web.Response:
        """How a job stands, once it has ended or after a moment: who waits for it needn't ask all the time."""
        job, caller = self._job(request, COORDINATOR).id, request[CALLER]
        ended = await self._service.ended_within(job, ENDED_S)
        turn = self._turns[caller.id, False]
        return answer(ended | await with_the_end(turn, self._home, self._book, self._requests, job, caller))

    async def _cancel(self, request: web.Request) -> web.Response:
        _require_coordinator(request)
        return answer(await self._service.cancel(self._job(request, COORDINATOR).id))

    async def _approval(self, request: web.Request) -> web.Response:
        job, body = self._job(request).id, await read_body(request)
        await self._read_ahead(job)
        return answer(self._service.approval(job, request[CALLER], body))

    async def _end(self, request: web.Request) -> web.Response:
        job = self._job(request).id
        self._service.ended(job, request[CALLER].id, parse_json(await read_body(request), EndNotice, "end"))
        return answer({})

    async def _head(self, request: web.Request) -> web.Response:
        self._job(request)
        shown = self._book.heads.answer(request[CALLER].id, await read_body(request))
        return answer(shown.model_dump(mode="json"))

    async def _turn(self, request: web.Request) -> web.Response:
        job = self._job(request).id
        turn = parse_json(await read_body(request), Turn, "turn")
        return answer(await self._service.turn(job, request[CALLER].id, turn))

    async def _reaches(self, request: web.Request) -> web.Response:
        """Whether this node reaches another of a job's parties, for one that doesn't."""
        row, party = self._job(request), request.match_info["party"]
        if party not in row.parties or party in (self._home.party, request[CALLER].id):
            raise Refused(f"job {row.id}: {party} is no other party of it", code="caller")
        return answer({"reached": await self._service.witness.reaches(row.id, party)})

    async def _receipt(self, request: web.Request) -> web.Response:
        job, body = self._job(request).id, await read_body(request)
        await self._read_ahead(job)
        return answer(self._service.receipt(job, request[CALLER], body))

    async def _complaint(self, request: web.Request) -> web.Response:
        job, body = self._job(request, COORDINATOR).id, await read_body(request)
        own = await asyncio.to_thread(share, self._home, self._book, job, request[CALLER])
        self._service.complaint(job, request[CALLER], body, own)
        return answer({})

    async def _proposal(self, request: web.Request) -> web.Response:
        job = self._job(request, COORDINATOR).id
        return await worked_out(lambda: self._book.proposed(job).model_dump(mode="json"))

    async def _share(self, request: web.Request) -> web.Response:
        job = self._job(request, COORDINATOR).id
        return await worked_out(lambda: share(self._home, self._book, job, request[CALLER]).model_dump(mode="json"))

    async def _evidence(self, request: web.Request) -> web.Response:
        job = self._job(request, COORDINATOR).id
        return await worked_out(lambda: evidence(self._home, self._book, job).model_dump(mode="json"))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        job, party = self._job(request).id, request[CALLER].id
        ws = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=FRAME_LIMIT_BYTES, compress=False, timeout=2.0)
        if not ws.can_prepare(request).ok:
            raise SpecError("expected a WebSocket", code="stream")
        run = await self._service.run_awaiting(job, party)
        try:
            await ws.prepare(request)
        except BaseException:
            run.streams.unclaim(party)
            raise
        await run.streams.serve(party, ws)
        return ws

    async def _read_ahead(self, job: str) -> None:
        """Reads a job's proposal, which may be large, beside the event loop: the next one to read it has it at hand."""
        with contextlib.suppress(MpcgovError):
            if self._book.is_long(job):
                await asyncio.to_thread(self._book.proposal, job)

    def _job(self, request: web.Request, *also: str) -> JobRow:
        """The job that a request is about, if its caller is one of its parties, or the coordinator where it may ask."""
        row, caller = self._book.job(request.match_info["job"]), request[CALLER]
        name = COORDINATOR if caller.role == "coordinator" else caller.id
        if name not in (*row.parties, *also):
            raise Refused(f"job {row.id}: {caller.id} must not ask this", code="caller")
        return row


def _require_coordinator(request: web.Request) -> None:
    if request[CALLER].role != "coordinator":
        raise Refused("only the coordinator may ask this", code="caller")
