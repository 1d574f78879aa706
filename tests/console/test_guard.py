"""Whoever comes by another way than a page of ours, or as nobody: refused, and nothing is changed."""

from __future__ import annotations

import aiohttp

from mpcgov.console import guard
from mpcgov.node import operator
from mpcgov.node.desk.questions import QUESTIONS
from tests.console.agency import Agency

SAFE = {
    "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip


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
