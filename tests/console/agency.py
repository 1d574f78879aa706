"""One agency's running node with its console, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from mpcgov.console.app import application
from mpcgov.console.desk import Desk
from mpcgov.console.serving import listening
from mpcgov.node import operator
from mpcgov.node.desk import enrolment
from mpcgov.node.desk.config import Role
from mpcgov.spec.statement import job_id
from tests.console.authenticator import Browser
from tests.node.network import Network


class Agency:
    """One agency's running node with its console in this process, in a consortium whose other nodes are silent."""

    def __init__(
        self, network: Network, at: str, origin: str, session: aiohttp.ClientSession, app: web.Application
    ) -> None:
        self.network = network
        self.home = network.home("labour")
        self.at = at
        self.origin = origin
        self.session = session
        self._app = app

    @property
    def book(self):
        return self.network.nodes["labour"].book

    def routes(self, job: str) -> list[tuple[str, str]]:
        """Every method and path that the console answers, but for files; those of a job with this one."""
        return [
            (route.method, route.resource.canonical.format(job=job))
            for route in self._app.router.routes()
            if route.method != "HEAD" and "/static/" not in route.resource.canonical
        ]

    def browser(self) -> Browser:
        return Browser(self.origin, self.at, self.session)

    async def person(self, name: str, role: Role = "approver") -> Browser:
        """Somebody who was let in, has a passkey, and has signed in."""
        link = await asyncio.to_thread(enrolment.add, self.home, name, role)
        browser = self.browser()
        assert await browser.enrol(link) == 200
        assert await browser.sign_in() == 200
        return browser

    async def job(self, **changes) -> str:
        proposal = self.network.proposal(**changes)
        await self.network.submit(proposal, "labour")
        return job_id(proposal.job_digest)

    def records(self) -> list[tuple[str, Any]]:
        """What is on record, but for peers' requests, of which the node counts how many there were."""
        found = [(one["event"], one) for one in operator.audit_records(self.home)]
        return [(event, one["facts"]) for event, one in found if not event.startswith("request")]

    def events(self) -> list[str]:
        return [event for event, _ in self.records()]


@asynccontextmanager
async def served(network: Network, seen_at: int = 7180) -> AsyncIterator[Agency]:
    """The agency `labour`, whose node is started here.

    Args:
        seen_at: the port that node.yaml says, or means by saying none; no socket of that number is needed.
    """
    await network.start("labour")
    origin = f"http://localhost:{seen_at}"
    async with Desk(str(network.home("labour") / "state" / "desk.sock")) as desk, aiohttp.ClientSession() as session:
        app = application(desk, origin, f"127.0.0.1:{seen_at}")
        runner = await listening(app, "127.0.0.1", 0)
        port = runner.addresses[0][1]
        yield Agency(network, f"http://127.0.0.1:{port}", origin, session, app)
        await runner.cleanup()
