"""Bodies by chance at every route: each is refused, and nothing is changed by it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sql

from mpcgov.console.app import LIMIT_BYTES
from mpcgov.node.desk import enrolment
from mpcgov.spec.ids import digest
from tests.console.agency import Agency
from tests.console.authenticator import Browser
from tests.console.noise import MARK, PIECES, Noise, Right, read, refused
from tests.console.wire import Wire
from tests.node.network import POLICY

TWO = "approvals: 2\n" + POLICY
FORWARD = TWO.replace("min_count: 5", "min_count: 4")
ANSWER = ("ticket", "credential")
AFRESH = 200
"""After so many bodies a question that can still be answered is asked for."""

Made = Callable[[], Awaitable[Right]]


class Routes:
    """What pages send to each route, with questions that are still open."""

    def __init__(self, agency: Agency, anna: Browser, paul: Browser, job: str, link: str) -> None:
        self._anna, self._paul, self._job, self._link = anna, paul, job, link
        self.made: dict[str, Made] = {
            "/sign-in/options": self._always({}), "/sign-in": self._answer(anna, "/sign-in/options", {}),
            "/provider/options": self._always({}), "/passkey/options": self._always({}),
            "/enrol/options": self._always({"link": link}, "link"),
            "/enrol": self._answer(agency.browser(), "/enrol/options", {"link": link}),
            "/sign-out": self._always([]), "/policy/withdraw": self._always([]), "/policy/restore": self._always([]),
            "/policy/check": self._always([("text", FORWARD)], "text"),
            "/policy/options": self._always({"text": "", "digest": digest(FORWARD.encode())}, "digest"),
            "/policy/agree": self._answer(anna, "/policy/options", {"text": "", "digest": digest(FORWARD.encode())}),
            f"/jobs/{job}/options": self._always({"said": "approve", "reason": ""}, "said"),
            f"/jobs/{job}/decide": self._answer(anna, f"/jobs/{job}/options", {"said": "approve", "reason": ""}),
        }  # fmt: skip

    def who(self, path: str) -> Browser:
        """Who may do what a route is for; anything else is refused for that alone."""
        return self._paul if path in ("/policy/check", "/policy/withdraw", "/policy/restore") else self._anna

    def _always(self, body: Any, *exact: str) -> Made:
        async def made() -> Right:
            return Right(body, exact)

        return made

    def _answer(self, browser: Browser, options: str, body: dict[str, str]) -> Made:
        """A passkey's answer to a question that is open."""

        async def made() -> Right:
            if not browser.csrf:
                await browser.get("/enrol")
            status, asked = await browser.post(options, body)
            assert status == 200, asked
            sign = browser.device.made if options.startswith("/enrol") else browser.device.signed
            return Right({"ticket": asked["ticket"], "credential": sign(asked["options"])}, ANSWER)

        return made


def state(agency: Agency) -> dict[str, Any]:
    """All that the node keeps: every row, every file, and who has signed in. What it counts of peers' requests and puts
    on record now and then is left out."""
    found: dict[str, Any] = {"audit": agency.records()}
    with agency.book.view() as tx:
        tables = set(sql.inspect(tx).get_table_names()) - {"audit"}
        found |= {table: tx.execute(sql.text(f'SELECT * FROM "{table}"')).all() for table in tables}  # noqa: S608
    for path in sorted(agency.home.rglob("*")):
        if (
            path.is_file()
            and path.name != "audit.head"
            and not path.name.endswith((".sqlite", "-wal", "-shm", ".lock"))
        ):
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    desk = agency.network.nodes["labour"]._hall._desk
    return found | {"sessions": {key: one.name for key, one in desk._asked_of[0]._sessions._open.items()}}


@pytest.mark.parametrize(("each", "share"), PIECES)
async def test_random_bodies_at_every_route_are_refused_and_change_nothing(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], each: int, share: slice
) -> None:
    """In sessions that may do what the route is for, with the right origin and token: only the body is wrong."""
    monkeypatch.setattr("mpcgov.console.guard.TRIES", 10**9)
    monkeypatch.setattr("mpcgov.node.desk.access.ATTEMPTS", 10**9)
    agency.network.policy("labour", TWO)
    await agency.network.stop("labour")
    await agency.network.start("labour")
    anna, paul = await agency.person("anna"), await agency.person("paul", "policy-editor")
    job, link = await agency.job(), enrolment.add(agency.home, "carla", "viewer").partition("#")[2]
    _, asked = await paul.post("/policy/options", {"text": FORWARD})
    agreed = {"ticket": asked["ticket"], "credential": paul.device.signed(asked["options"])}
    assert (await paul.post("/policy/agree", agreed))[0] == 200
    routes, before = Routes(agency, anna, paul, job, link), state(agency)
    found = [(method, path) for method, path in agency.routes(job) if method != "GET"]
    assert {path for _, path in found} == set(routes.made)
    routed = [*found, *(one for one in agency.routes(job) if one[0] == "GET")]
    for seed, (method, path) in list(enumerate(routed))[share]:
        await _noisy(agency, routes.who(path), method, path, routes.made.get(path), each, seed)
        assert (await anna.get("/people"))[0] == (await paul.get("/people"))[0] == 200
    assert state(agency) == before
    said = "".join(capfd.readouterr())
    assert "Traceback" not in said
    assert MARK not in said


async def _noisy(agency: Agency, who: Browser, method: str, path: str, made: Made | None, each: int, seed: int) -> None:
    noise = Noise(seed, LIMIT_BYTES, who.csrf)
    lines = [f"{name}: {value}" for name, value in {**who.headers, "Origin": who.origin, "X-CSRF": who.csrf}.items()]
    wire, right = Wire(agency.at, lines), Right({})
    for i in range(each):
        if made is not None and i % AFRESH == 0:
            right = await made()
            body = noise.lengths(right)
        else:
            body = noise.body(right)
        await refused(wire, method, path, body, i)
    for _ in range(each // 10 if method == "GET" else 0):
        await read(wire, path, noise.query(), (200, 303, 403, 404, 414))
    await wire.close()
