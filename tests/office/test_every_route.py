"""What holds at each route of the coordinator's console, whichever they are: a new one is among them by itself."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from yarl import URL

from mpcgov.console.guard import HEADERS
from tests.console.test_every_route import NAMES, WRONG, Headers
from tests.node.network import Network
from tests.office.headquarters import Headquarters, Visitor, headquarters
from tests.office.test_noise import state

GAPS = {"job": "aaaa-aaaa-aaaa", "draft": "0123456789abcdef", "name": "monthly", "format": "csv"}
OPEN = {"/enter", "/link", "/sign-out", "/language"}
"""What strangers may ask: to come in, which the link decides, and to have another link written to the terminal."""

COOKIE = "mpcgov-coordinator"


async def sent(hq: Headquarters, method: str, path: str, headers: Headers, form: Any = None) -> tuple[int, Headers]:
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as plain,
        plain.request(
            method, URL(hq.origin + path, encoded=True), data=form, headers=headers, allow_redirects=False
        ) as response,
    ):
        return response.status, {name: str(value) for name, value in response.headers.items()}


def right(hq: Headquarters, who: Visitor) -> Headers:
    """The header lines with which somebody's browser sends a form."""
    cookie = who.session.cookie_jar.filter_cookies(URL(hq.origin))[COOKIE].value
    return {"Origin": hq.origin, "X-CSRF": who.csrf, "Cookie": f"{COOKIE}={cookie}"}


async def test_whatever_changes_something_comes_from_a_page_of_ours(tmp_path) -> None:
    """Cross-site requests and frames: at every route, by every wrong way, and with every answer's headers."""
    async with headquarters(Network(tmp_path)) as hq:
        anna, bert = await hq.visitor(), await hq.visitor()
        mine, before = right(hq, anna), state(hq)
        ways = {"another's token": lambda right: right | {"X-CSRF": bert.csrf}, **WRONG}
        for method, path in hq.routes(**GAPS):
            for way, change in ways.items() if method == "POST" else ():
                status, headers = await sent(hq, method, path, change(mine), {"text": "x"})
                assert status in (403, 421), (path, way, status)
                assert {name: headers.get(name) for name in HEADERS} == HEADERS, (path, way)
            status, headers = await sent(hq, method, path, mine, {"nothing": "x"} if method == "POST" else None)
            assert {name: headers.get(name) for name in HEADERS} == HEADERS, path
            assert 400 <= status < 500 if method == "POST" else status < 600, path
        assert state(hq) == before


async def test_strangers_see_and_change_nothing_though_they_come_from_a_page_of_ours(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's session, an ended one, and one that was made up, each with the token that our page gave with it."""
    monkeypatch.setattr("mpcgov.console.guard.TRIES", 10**9)
    async with headquarters(Network(tmp_path)) as hq:
        anna, eve = await hq.visitor(), hq.stranger()
        ended = right(hq, anna)["Cookie"].partition("=")[2]
        assert (await anna.post("/sign-out", {}))[0] == 303
        before = state(hq)
        for cookie in ("", ended, "x" * 43):
            eve.session.cookie_jar.update_cookies({COOKIE: cookie}, URL(hq.origin))
            await eve.get("/enter")
            for method, path in hq.routes(**GAPS):
                if method == "GET" and path not in OPEN:
                    assert await eve.get(path) == (303, ""), path
                elif path not in OPEN:
                    status, _, _ = await eve.post(path, {})
                    assert status == 403, path
        assert await eve.enter("#nothing") == 403
        assert state(hq) == before


async def test_no_name_in_an_address_becomes_a_path(tmp_path) -> None:
    async with headquarters(Network(tmp_path)) as hq:
        anna = await hq.visitor()
        mine, before = right(hq, anna), state(hq)
        for gap in (*GAPS, "protocol"):
            for method, path in hq.routes(**{**GAPS, gap: "{}"}):
                for name in NAMES if "{}" in path else ():
                    status, _ = await sent(hq, method, path.format(name), mine, {} if method == "POST" else None)
                    assert status in (400, 404), (path, name)
        for name in ("../app.py", "%2e%2e/app.py", "..%2f..%2fserve.py", "office.js%00", "../../../etc/passwd"):
            assert (await sent(hq, "GET", f"/static/{name}", mine))[0] in (400, 404), name
        assert state(hq) == before
