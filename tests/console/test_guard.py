"""Whoever comes by another way than a page of ours, or as nobody: refused, and nothing is changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import aiohttp
import pytest
from yarl import URL

from mpcgov.console import guard
from mpcgov.node import operator
from mpcgov.node.desk.questions import QUESTIONS
from tests.console.agency import Agency

SAFE = {
    "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip
POSTS = ("/sign-in/options", "/sign-in", "/sign-out", "/enrol/options", "/enrol")


async def test_every_answer_says_what_browsers_may_do_with_it(agency: Agency) -> None:
    """No frames, no scripts or styles from elsewhere or inside the page, nothing kept; whatever the answer is."""
    anna = await agency.person("anna")
    for path in ("/", "/sign-in", "/nowhere", "/static/console.js", "/static/nothing", "/language?to=de&back=//evil"):
        async with agency.session.get(agency.at + path, headers=anna.headers, allow_redirects=False) as response:
            assert {name: response.headers[name] for name in SAFE} == SAFE
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers.get("Location", "/") == "/"
            page = await response.text()
            assert "<style" not in page
            assert " style=" not in page
            assert all("src=" in line for line in page.splitlines() if "<script" in line)
    async with agency.session.get(agency.at + "/sign-in", headers={"Host": "localhost:7180"}) as response:
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie


WRONG: tuple[Callable[[dict[str, str]], dict[str, str]], ...] = (
    lambda headers: headers | {"Host": "evil.example:7180"},
    lambda headers: headers | {"Host": "127.0.0.1:7181"},
    lambda headers: headers | {"Origin": "http://evil.example"},
    lambda headers: headers | {"Origin": "null"},
    lambda headers: {name: value for name, value in headers.items() if name != "Origin"},
    lambda headers: headers | {"Sec-Fetch-Site": "cross-site"},
    lambda headers: headers | {"X-CSRF": "0" * 64},
    lambda headers: {name: value for name, value in headers.items() if name != "X-CSRF"},
    lambda headers: headers | {"Cookie": "mpcgov=" + "x" * 43},
    lambda headers: {name: value for name, value in headers.items() if name != "Cookie"},
)


async def test_a_decision_comes_from_a_page_of_ours_in_a_session_of_ours(agency: Agency) -> None:
    anna = await agency.person("anna")
    job = await agency.job()
    asked = await anna.asked(job)
    body = {"ticket": asked["ticket"], "credential": anna.device.signed(asked["options"])}
    before, right = agency.events(), anna.headers | {"Origin": anna.origin, "X-CSRF": anna.csrf}
    for change in WRONG:
        async with agency.session.post(f"{agency.at}/jobs/{job}/decide", json=body, headers=change(right)) as response:
            assert response.status in (403, 421)
    assert agency.book.job(job).state.value == "AWAITING_APPROVAL"
    assert agency.events() == before
    # The same as it should be.
    assert (await anna.post(f"/jobs/{job}/decide", body))[0] == 200


async def test_a_forged_or_ended_session_shows_nothing(agency: Agency) -> None:
    anna = await agency.person("anna")
    job, old = await agency.job(), anna.cookie
    pages = ("/", "/jobs", f"/jobs/{job}", "/datasets", "/budgets", "/health", "/audit", "/people")
    async with agency.session.post(
        agency.at + "/sign-out", headers=anna.headers | {"Origin": anna.origin}, data={"csrf": anna.csrf},
        allow_redirects=False,
    ) as response:  # fmt: skip
        assert response.status == 303
    for cookie in (old, "x" * 43, "", "x" * 5000, old[:-1] + "é"):
        anna.cookie = cookie
        for path in pages:
            status, page = await anna.get(path)
            assert status in (303, 400)
            assert "Youth" not in page


async def test_signing_in_changes_the_token_that_the_browser_came_with(agency: Agency) -> None:
    anna = await agency.person("anna")
    anna.cookie = planted = "p" * 43
    await anna.sign_in()
    assert anna.cookie != planted
    anna.cookie = planted
    assert (await anna.get("/"))[0] == 303


async def test_no_name_in_an_address_becomes_a_path(agency: Agency) -> None:
    anna = await agency.person("anna", "viewer")
    for path in (
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fdesk.py", "/static/console.js%00",
        "//etc/passwd", "/jobs/..%2f..%2fpeople", "/jobs/aaaa-aaaa-aaaa%2f..", "/language?to=../../../etc/passwd",
    ):  # fmt: skip
        async with agency.session.get(URL(agency.at + path, encoded=True), headers=anna.headers) as response:
            assert response.status in (400, 404)
            assert "import" not in await response.text()


async def test_methods_long_addresses_and_long_bodies_are_refused(agency: Agency) -> None:
    anna = await agency.person("anna")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        async with agency.session.request(method, agency.at + "/", headers=anna.headers) as response:
            assert response.status in (400, 405)
    assert (await anna.get("/?q=" + "x" * 3000))[0] == 414
    status, _ = await anna.post("/sign-in", {"ticket": "x" * 100_000})
    assert status == 413


async def test_attempts_to_sign_in_are_limited(agency: Agency) -> None:
    anna = agency.browser()
    await anna.get("/sign-in")
    answers = [(await anna.post("/sign-in", {"ticket": "x", "credential": {"response": {}}}))[0] for _ in range(40)]
    assert answers == [403] * 40
    status, answer = await anna.post("/sign-in/options", {})
    assert (status, answer["error"].split(";")[0]) == (403, "too many attempts")
    assert guard.TRIES < 40


@pytest.mark.parametrize("each", [60, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_random_requests_at_every_route_change_nothing(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, each: int
) -> None:
    """In a session that may decide; with no more than the right origin and token to get past the guard.
    Neither the console nor the desk behind it has a fault of its own."""
    anna = await agency.person("anna")
    job = await agency.job()
    monkeypatch.setattr("mpcgov.console.guard.TRIES", 10**9)
    monkeypatch.setattr("mpcgov.node.desk.access.ATTEMPTS", 10**9)
    before, noise = agency.events(), Noise(random.Random(15), [(await anna.asked(job))["ticket"], job])
    for method, path in agency.routes(job):
        if path == "/sign-out":
            continue
        for i in range(each if method == "POST" else each // 10):
            address, body, kind = noise.request(agency.at + path, method, i)
            headers = anna.headers | {"Origin": anna.origin, "X-CSRF": anna.csrf, "Content-Type": kind}
            async with agency.session.request(
                method, address, data=body, headers=headers, allow_redirects=False
            ) as response:
                assert response.status in (200, 303, 403, 404, 414), (address, body, await response.text())
    assert agency.events() == before
    assert agency.book.job(job).state.value == "AWAITING_APPROVAL"
    assert (await anna.get("/"))[0] == 200


class Noise:
    """Requests by chance, of what the console's own scripts send and of what nobody does."""

    NAMES = ("ticket", "credential", "link", "said", "reason", "response", "id", "rawId", "type", "session", "state",
             "clientDataJSON", "authenticatorData", "signature", "attestationObject", "job", "text", "code", "digest",
             "q", "before", "page", "check", "to", "back", "iss", "error")  # fmt: skip

    def __init__(self, chance: random.Random, seeds: list[str]) -> None:
        self.chance = chance
        self.seeds = [*seeds, "approve", "", None, 0, -1, 1e308, [], {}, True, "\ud800", "\x00", "x" * 300]

    def request(self, address: str, method: str, i: int) -> tuple[URL, bytes | None, str]:
        """An address, a body, and what kind it says it is."""
        if method == "GET":
            texts = [str(seed).encode(errors="replace").decode() for seed in self.seeds]
            pairs = [(self.chance.choice(self.NAMES), self.chance.choice(texts)) for _ in range(i % 5)]
            return URL(address).with_query(pairs), None, "text/plain"
        body = json.dumps(self.value()).encode() if i % 3 else self.chance.randbytes(self.chance.randrange(200))
        return URL(address), body, self.chance.choice(["application/json", "application/json", "text/plain"])

    def value(self, depth: int = 0) -> object:
        kind = self.chance.randrange(4 if depth < 3 else 1)
        if kind == 0:
            return self.chance.choice(self.seeds)
        if kind == 1:
            return [self.value(depth + 1) for _ in range(self.chance.randrange(4))]
        return {self.chance.choice(self.NAMES): self.value(depth + 1) for _ in range(self.chance.randrange(6))}


async def test_the_desk_answers_nobody_without_a_session(agency: Agency) -> None:
    """Whoever gets as far as the socket, as a console that was taken over would, gets no further by it."""
    connector = aiohttp.UnixConnector(str(agency.home / "state" / "desk.sock"))
    async with aiohttp.ClientSession(connector=connector) as desk:
        more = {
            "jobs": {"which": "all"}, "job": {"job": "aaaa-aaaa-aaaa"}, "decide": {"ticket": "x", "credential": {}},
            "to_decide": {"job": "aaaa-aaaa-aaaa", "said": "approve"},
            "agree": {"ticket": "x", "credential": {}}, "policy_checked": {"text": "x"},
        }  # fmt: skip
        open_to_all = {
            "about",
            "to_sign_in",
            "sign_in",
            "to_provider",
            "from_provider",
            "to_enrol",
            "enrol",
            "sign_out",
        }
        for question in set(QUESTIONS) - open_to_all:
            asked = {"session": "x" * 43} | more.get(question, {})
            async with desk.post(f"http://desk/{question}", json=asked) as response:
                assert (response.status, (await response.json())["error"]["code"]) == (403, "session"), question
        async with desk.post("http://desk/_lock", json={}) as response:
            assert response.status == 403
    assert (agency.home / "state" / "desk.sock").stat().st_mode & 0o077 == 0


async def test_an_operator_sees_the_same_log_and_it_is_whole(agency: Agency) -> None:
    anna = await agency.person("anna")
    status, page = await anna.get("/audit?q=anna&check=1")
    assert status == 200
    assert "whole and unchanged" in page
    assert "signed in" in page
    assert "proposed" not in page.partition("<tbody>")[2]
    assert operator.audit_verify(agency.home) > 0


async def test_a_link_from_another_site_shows_nothing_and_signs_nobody_out(agency: Agency) -> None:
    """It comes without the cookie: answered as a stranger's, it would bring a stranger's cookie in its place."""
    anna = await agency.person("anna")
    before = anna.cookie
    anna.cookie = ""
    status, page = await anna.get("/jobs", **{"Sec-Fetch-Site": "cross-site"})
    assert (status, anna.cookie) == (200, "")
    assert 'http-equiv="refresh"' in page
    assert "csrf" not in page
    anna.cookie = before
    assert (await anna.get("/jobs", **{"Sec-Fetch-Site": "same-origin"}))[0] == 200
    assert anna.cookie == before
