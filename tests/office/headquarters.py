"""A coordinator's console in the test's own process, in front of three real nodes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from mpcgov.console.serving import listening
from mpcgov.office.app import application
from mpcgov.office.entry import Entry
from tests.node.network import POLICY, FakeClock, Network
from tests.ports import free_ports

LISTED = POLICY.replace("    min_count: 5\n", "    min_count: 5\n    listed: true\n")


class Visitor:
    """Somebody's browser, without a screen: cookies, and the token of the page that was loaded last."""

    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self.session = session
        self.csrf = ""

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.origin + path, headers=headers, allow_redirects=False) as response:
            text = (await response.read()).decode(errors="replace")
            if found := re.search(r'name="csrf" content="([0-9a-f]+)"', text):
                self.csrf = found[1]
            return response.status, text

    async def post(self, path: str, fields: Mapping[str, Any] | list[tuple[str, str]]) -> tuple[int, str, str]:
        """Sends a form; gives status, place to go on to, and the page."""
        pairs = list(fields.items()) if isinstance(fields, Mapping) else fields
        data = aiohttp.FormData([("csrf", self.csrf), *pairs])
        async with self.session.post(
            self.origin + path, data=data, headers={"Origin": self.origin}, allow_redirects=False
        ) as response:
            return response.status, response.headers.get("Location", ""), await response.text()

    async def enter(self, link: str) -> int:
        headers = {"Origin": self.origin, "X-CSRF": self.csrf}
        async with self.session.post(
            self.origin + "/enter", json={"link": link.partition("#")[2]}, headers=headers
        ) as response:
            return response.status


class Headquarters:
    """The console, what it has written to its terminal, and the network behind it."""

    def __init__(
        self, network: Network, origin: str, entry: Entry, terminal: list[str], clock: FakeClock, app: web.Application
    ) -> None:
        self.network = network
        self.origin = origin
        self.entry = entry
        self.terminal = terminal
        self.clock = clock
        self.home = network.folder / "hq"
        self._app = app
        self._sessions: list[aiohttp.ClientSession] = []

    def posts(self) -> list[str]:
        """Every route that takes a form, each with names of things that there aren't."""
        gaps = {"protocol": "joint-count", "draft": "0123456789abcdef", "job": "aaaa-aaaa-aaaa", "name": "monthly"}
        routes = self._app.router.routes()
        return sorted({one.resource.canonical.format(**gaps) for one in routes if one.method == "POST"})

    def routes(self, **gaps: str) -> list[tuple[str, str]]:
        """Every method and path that the console answers, but for files; with these names in the gaps."""
        named = {"protocol": "joint-count"} | gaps
        routes = [(one.method, one.resource.canonical.format(**named)) for one in self._app.router.routes()]
        return sorted({(method, path) for method, path in routes if method != "HEAD" and "/static/" not in path})

    def stranger(self) -> Visitor:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar())
        self._sessions.append(session)
        return Visitor(self.origin, session)

    async def visitor(self) -> Visitor:
        """Somebody who has come in by a link of the terminal."""
        visitor = self.stranger()
        await visitor.get("/enter")
        self.entry.write_link()
        assert await visitor.enter(self.terminal[-1]) == 200
        await visitor.get("/drafts")
        return visitor

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


@asynccontextmanager
async def headquarters(network: Network, policy: str = LISTED) -> AsyncIterator[Headquarters]:
    """The console of a network's coordinator; its nodes are started by the test, or not."""
    (network.folder / "hq" / "coordinator.yaml").write_text("name: hq\n")
    for party in network.parties:
        network.policy(party, policy)
    port, terminal, clock = free_ports(1)[0], [], FakeClock()
    origin = f"http://localhost:{port}"
    app, entry = application(network.folder / "hq", origin, f"127.0.0.1:{port}", clock, terminal.append)
    runner = await listening(app, "127.0.0.1", port)
    hq = Headquarters(network, origin, entry, terminal, clock, app)
    try:
        yield hq
    finally:
        await hq.close()
        await runner.cleanup()
