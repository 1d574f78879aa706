"""What holds at each route that the console has, whichever they are: a new one is among them by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from yarl import URL

from mpcgov.console.guard import HEADERS
from mpcgov.spec.ids import digest
from tests.console.agency import Agency
from tests.console.authenticator import Browser
from tests.console.test_noise import FORWARD, TWO, state

OPEN = {"/sign-in/options", "/sign-in", "/provider/options", "/enrol/options", "/enrol", "/sign-out"}
"""What strangers may ask: of these a passkey's or a link's holder is let in, and nothing else comes of them."""

Headers = dict[str, str]
WRONG: dict[str, Callable[[Headers], Headers]] = {
    "another name of this machine": lambda right: right | {"Host": "evil.example:7180"},
    "another port": lambda right: right | {"Host": "127.0.0.1:7181"},
    "another site": lambda right: right | {"Origin": "http://evil.example"},
    "a hidden origin": lambda right: right | {"Origin": "null"},
    "no origin": lambda right: without(right, "Origin"),
    "another site's page, by the browser's word": lambda right: right | {"Sec-Fetch-Site": "cross-site"},
    "another page of this machine": lambda right: right | {"Sec-Fetch-Site": "same-site"},
    "a token made up": lambda right: right | {"X-CSRF": "0" * 64},
    "no token": lambda right: without(right, "X-CSRF"),
    "a forged session": lambda right: right | {"Cookie": "mpcgov=" + "x" * 43},
    "no session": lambda right: without(right, "Cookie"),
}


def without(headers: Headers, name: str) -> Headers:
    return {key: value for key, value in headers.items() if key != name}


def posts(agency: Agency, job: str) -> list[str]:
    """Every route that may change something; all but one of those that are got change nothing."""
    return [path for method, path in agency.routes(job) if method != "GET"]


async def sent(agency: Agency, path: str, body: Any, headers: Headers, method: str = "POST") -> tuple[int, Headers]:
    async with agency.session.request(
        method, URL(agency.at + path, encoded=True), json=body, headers=headers, allow_redirects=False
    ) as response:
        return response.status, {name: str(value) for name, value in response.headers.items()}


async def test_whatever_changes_something_comes_from_a_page_of_ours(agency: Agency) -> None:
    """Cross-site requests and frames: at every route, by every wrong way, and with every answer's headers."""
    anna, bert, job = await agency.person("anna"), await agency.person("bert"), await agency.job()
    right, before = anna.headers | {"Origin": anna.origin, "X-CSRF": anna.csrf}, state(agency)
    ways = {"another person's token": lambda right: right | {"X-CSRF": bert.csrf}, **WRONG}
    for path in posts(agency, job):
        for way, change in ways.items():
            status, headers = await sent(agency, path, {}, change(right))
            assert status in (403, 421), (path, way, status)
            assert {name: headers.get(name) for name in HEADERS} == HEADERS, (path, way)
    for method, path in agency.routes(job):
        status, headers = await sent(agency, path, None if method == "GET" else [], right, method)
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, path
        assert status < 500, path
    assert state(agency) == before


async def test_strangers_change_nothing_though_they_come_from_a_page_of_ours(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's session, an ended one, and one that was made up, each with the token that our page gave with it."""
    monkeypatch.setattr("mpcgov.console.guard.TRIES", 10**9)
    anna, job = await agency.person("anna"), await agency.job()
    bodies: dict[str, Any] = {
        "/policy/options": {"digest": digest(b"")}, f"/jobs/{job}/options": {"said": "reject", "reason": "no"},
    }  # fmt: skip
    ended = anna.cookie
    assert await anna.form("/sign-out") == 303
    before = state(agency)
    for cookie in ("", ended, "x" * 43):
        eve = agency.browser()
        eve.cookie = cookie
        await eve.get("/sign-in")
        for path in set(posts(agency, job)) - OPEN:
            status = await eve.form(path)
            assert status in (400, 403), (path, status)
            status, _ = await eve.post(path, bodies.get(path, {"ticket": "x", "credential": {"response": {}}}))
            assert status in (400, 403), (path, status)
        for method, path in agency.routes(job):
            if method == "GET" and path not in ("/sign-in", "/enrol", "/language", "/provider"):
                status, page = await eve.get(path)
                assert (status, page) == (303, ""), path
    assert state(agency) == before


async def test_an_assertion_is_taken_once_and_for_what_it_was_made_for(agency: Agency) -> None:
    """Replayed, for another job, for another thing: at every route that takes one."""
    agency.network.policy("labour", TWO)
    await agency.network.stop("labour")
    await agency.network.start("labour")
    anna, paul = await agency.person("anna"), await agency.person("paul", "policy-editor")
    job, other = await agency.job(), await agency.job(params={"by": ["sex"]})
    _, asked = await paul.post("/policy/options", {"text": FORWARD})
    assert (await paul.post("/policy/agree", answer(paul, asked)))[0] == 200
    questions: dict[str, tuple[str, Any]] = {
        "/sign-in": ("/sign-in/options", {}),
        f"/jobs/{job}/decide": (f"/jobs/{job}/options", {"said": "approve"}),
        "/policy/agree": ("/policy/options", {"digest": digest(FORWARD.encode())}),  # last: no change is open after it
    }  # fmt: skip
    more = {
        "another job": (f"/jobs/{other}/options", {"said": "approve"}),
        "a no": (f"/jobs/{job}/options", {"said": "reject", "reason": "no"}),
    }
    options = {path for path in posts(agency, job) if path.endswith("/options")}
    forms = {"/sign-out", "/policy/check", "/policy/withdraw", "/policy/restore"}
    assert set(posts(agency, job)) == options | forms | {
        *questions,
        "/enrol",
    }  # for that: tests/console/test_passkeys.py
    for path, question in questions.items():
        before = state(agency)
        for name, another in {**questions, **more}.items():
            if name != path:
                mine, theirs = await asked_of(anna, question), await asked_of(anna, another)
                mixed = {"ticket": mine["ticket"], "credential": answer(anna, theirs)["credential"]}
                assert (await anna.post(path, mixed))[0] == 403, (path, name)
                if name in questions:
                    assert (await anna.post(path, answer(anna, theirs)))[0] == 403, (path, name)
        assert state(agency) == before, path
        right = answer(anna, await asked_of(anna, question))
        assert (await anna.post(path, right))[0] == 200, path
        after = state(agency)
        await anna.get("/people")  # a session that has just begun has another token
        assert (await anna.post(path, right))[0] == 403, path
        assert state(agency) == after != before, path


async def asked_of(who: Browser, question: tuple[str, Any]) -> dict[str, Any]:
    status, asked = await who.post(*question)
    assert status == 200, (question, asked)
    return asked


def answer(who: Browser, asked: dict[str, Any]) -> dict[str, Any]:
    return {"ticket": asked["ticket"], "credential": who.device.signed(asked["options"])}


NAMES = ("..", "%2e%2e", "..%2f..%2fpolicy.yaml", "aaaa-aaaa-aaaa%2f..", "aaaa-aaaa-aaa%00", "%2fetc%2fpasswd", "a")


async def test_no_name_in_an_address_becomes_a_path(agency: Agency) -> None:
    anna = await agency.person("anna")
    right = anna.headers | {"Origin": anna.origin, "X-CSRF": anna.csrf}
    before = state(agency)
    for method, path in agency.routes("{}"):
        for name in NAMES if "{}" in path else ():
            status, _ = await sent(agency, path.format(name), None if method == "GET" else {}, right, method)
            assert status in (400, 404), (path, name)
    for name in ("../app.py", "%2e%2e/app.py", "..%2f..%2fdesk.py", "console.js%00", "../../../etc/passwd"):
        assert (await sent(agency, f"/static/{name}", None, right, "GET"))[0] in (400, 404), name
    assert state(agency) == before
