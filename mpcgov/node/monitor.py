"""`/health` and `/metrics` on an address of this machine alone: is the node well, and what are its numbers.

Off unless node.yaml has `operations`. It speaks plain HTTP, to whoever is on this machine, and changes nothing. A web
page that a person of this machine visits must not read it either, so a request has to name this machine as its host.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from mpcgov import keys
from mpcgov.clock import Clock
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.node import home as homes
from mpcgov.node.audit import AuditLog
from mpcgov.node.book import Book
from mpcgov.node.home import NodeHome
from mpcgov.node.logs import HTTP_LOG
from mpcgov.node.operations import free_bytes
from mpcgov.node.service import Service
from mpcgov.node.store import Store
from mpcgov.spec.roster import is_local
from mpcgov.version import __version__

if TYPE_CHECKING:
    from mpcgov.node.metrics import Metrics

STALLED_S = 15.0
"""A node that hasn't looked after its jobs for so long isn't well."""
DISK_FREE_BYTES = 256 << 20
SHUTDOWN_S = 0.5
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """What this machine's monitoring is told of a running node; and when its audit log was last verified."""

    def __init__(
        self,
        home: NodeHome,
        store: Store,
        audit: AuditLog,
        clock: Clock,
        service: Service,
        book: Book,
        seen: dict[str, float],
    ) -> None:
        self._home = home
        self._store = store
        self._audit = audit
        self._clock = clock
        self._service = service
        self._book = book
        self._seen = seen
        self._ticked_at = clock.now()
        self._verified: tuple[float, int | None] = (0.0, None)
        self._verifying: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    def verify(self) -> int:
        """Verifies the audit log; the number of its records.

        Raises:
            LocalError: it doesn't hold.
        """
        self._verified = (self._clock.now(), None)
        self._verified = (self._clock.now(), self._audit.verify())
        return self._verified[1] or 0

    def verify_soon(self) -> None:
        """Verifies the audit log beside the event loop; what is wrong with it is logged and shown."""

        async def verify() -> None:
            try:
                await asyncio.to_thread(self.verify)
            except MpcgovError as error:
                structlog.get_logger().error("the audit log doesn't verify", party=self._home.party, error=error.line())

        if self._verifying is None or self._verifying.done():
            self._verifying = asyncio.create_task(verify())

    def ticked(self) -> None:
        """The node has looked after its jobs."""
        self._ticked_at = self._clock.now()

    async def start(self, pids: Callable[[], list[int]]) -> None:
        """Serves from now on, if node.yaml says where; `pids`: of the children that work.

        Raises:
            LocalError: the address can't be bound.
        """
        where = self._home.config.operations
        if where is None:
            return
        from mpcgov.node.metrics import Metrics, Watched  # noqa: PLC0415  # loaded by nodes that are watched

        watched = Watched(self._seen, pids, lambda: self._service.under_way, lambda: self._verified)
        metrics = Metrics(self._home, self._store, self._clock, watched)
        self._service.timings.listeners.append(metrics.observe)
        self._runner = web.AppRunner(
            self._application(metrics), access_log=None, logger=HTTP_LOG, shutdown_timeout=SHUTDOWN_S
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *homes.host_port(where.listen), reuse_address=True).start()
        except OSError as error:
            raise LocalError(
                f"operations: {where.listen} can't be bound ({error.strerror})", hint="see node.yaml", code="address"
            ) from None

    async def stop(self) -> None:
        """Gives the address back."""
        if self._verifying is not None:
            await asyncio.gather(self._verifying, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def faults(self) -> dict[str, str]:
        """What isn't well, by what was looked at; no text but our own, and none about a job."""
        found = {}
        if not 0 <= self._clock.now() - self._ticked_at < STALLED_S:
            found["jobs"] = f"not looked after for {STALLED_S:.0f} s"
        if self._verified[1] is None:
            found["audit log"] = "doesn't verify: mpcgov node audit verify"
        if keys.expired(self._home.identity.card.certificate):
            found["certificate"] = "expired: mpcgov node rotate"
        with contextlib.suppress(OSError):
            if free_bytes(self._home.state_path) < DISK_FREE_BYTES:
                found["disk"] = "nearly full"
        if self._book.heads.restored.is_old_copy:
            found["backup"] = "an old copy of the database: docs/operations.md"
        elif self._book.heads.restored.text:
            found["backup"] = "restored and not yet compared with all members: mpcgov node doctor"
        try:
            with self._store.read():
                pass
        except MpcgovError:
            found["database"] = "can't be read"
        return found

    def _application(self, metrics: Metrics) -> web.Application:
        async def health(_request: web.Request) -> web.Response:
            faults = await asyncio.to_thread(self.faults)
            body = {"party": self._home.party, "version": __version__, "ok": not faults, "faults": faults}
            return web.json_response(body, status=503 if faults else 200)

        async def numbers(_request: web.Request) -> web.Response:
            try:
                body = await asyncio.to_thread(metrics.text)
            except MpcgovError as error:
                return web.Response(text=f"{error.message}\n", status=503)
            return web.Response(body=body, headers={"Content-Type": TEXT})

        app = web.Application(middlewares=[_only_this_machine], client_max_size=0)
        app.router.add_get("/health", health)
        app.router.add_get("/metrics", numbers)
        return app


@web.middleware
async def _only_this_machine(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuses what a browser sends for a page that has made this machine's address its own."""
    host = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    if not is_local(host):
        return web.Response(text="another host's name\n", status=403)
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.Response(text=f"{error.status}\n", status=error.status)
