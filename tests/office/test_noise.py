"""Bodies by chance at every route of the coordinator's console: each is refused, and nothing is changed by it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from mpcgov.coordinator import home as homes
from mpcgov.coordinator import schedule
from mpcgov.office.app import LIMIT_BYTES
from tests.console.noise import MARK, PIECES, Noise, Right, read, refused
from tests.console.wire import Wire
from tests.node.network import Network
from tests.office.headquarters import Headquarters, Visitor, headquarters
from tests.office.test_pages import JOB

TEXT = "protocol: joint-count\npurpose: p\nlegal_basis: b\nparties: {a: {dataset: d}, b: {}, c: {}}\nreceivers: [a]\n"
PERIODIC = TEXT.replace("{dataset: d}", "{dataset: d, where: \"month = '{period}'\"}")
PLAN = [("name", "yearly"), ("every", "month"), ("first", "2026-01"), ("most", "12")]
EXACT = {
    "/paste": ("text",), "schedule": ("every", "first", "most"),
    "/compose/joint-count": ("params.by", "disclosure.min_count", "receivers", "approve_within_h"),
}  # fmt: skip


def state(hq: Headquarters) -> dict[str, Any]:
    """All that the coordinator keeps: every file, who has come in, and which link lets somebody in."""
    files = [path for path in hq.home.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    found: dict[str, Any] = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return found | {"sessions": set(hq.entry._sessions._open), "link": hq.entry._hash, "told": list(hq.terminal)}


@pytest.mark.parametrize(("each", "share"), PIECES)
async def test_random_bodies_at_every_route_are_refused_and_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], each: int, share: slice
) -> None:
    """By somebody who has come in, about a job, a draft and a schedule that there are. No node runs."""
    monkeypatch.setattr("mpcgov.console.guard.TRIES", 10**9)
    network = Network(tmp_path)
    async with headquarters(network) as hq:
        job = homes.store(homes.load(hq.home), network.proposal()).id
        anna = await hq.visitor()
        _, draft, _ = await anna.post("/paste", {"text": PERIODIC})
        schedule.add(hq.home, hq.home / f"{draft.strip('/')}.yaml", **{**dict(PLAN), "most": 12, "name": "monthly"})
        hq.entry.write_link()
        right = {"/paste": [("text", TEXT)], "schedule": PLAN, "/compose/joint-count": JOB}
        right |= {"/enter": {"link": hq.terminal[-1].partition("#")[2]}}
        gaps = {"job": job, "draft": draft.rpartition("/")[2], "name": "monthly", "format": "csv"}
        before = state(hq)
        for seed, (method, path) in list(enumerate(hq.routes(**gaps)))[share]:
            name = path if path in right else path.rpartition("/")[2]
            body = Right(right.get(name, []), EXACT.get(name, ("link",) if name == "/enter" else ()))
            await _noisy(hq, anna, method, path, body, each, seed)
            assert (await anna.get("/drafts"))[0] == 200
        assert state(hq) == before
    said = "".join(capfd.readouterr())
    assert "Traceback" not in said
    assert MARK not in said


async def _noisy(hq: Headquarters, anna: Visitor, method: str, path: str, right: Right, each: int, seed: int) -> None:
    noise = Noise(seed, LIMIT_BYTES, anna.csrf)
    cookies = anna.session.cookie_jar.filter_cookies(URL(hq.origin))
    host = hq.origin.partition("//")[2]
    lines = [
        f"Host: {host}",
        f"Origin: {hq.origin}",
        f"X-CSRF: {anna.csrf}",
        f"Cookie: {cookies.output('', '', ';').strip()}",
    ]
    wire = Wire(f"http://127.0.0.1:{host.rpartition(':')[2]}", lines)
    for i in range(each):
        body = noise.lengths(right) if method == "POST" and i % 200 == 0 else noise.body(right)
        await refused(wire, method, path, body, i)
    for _ in range(each // 10 if method == "GET" else 0):
        await read(wire, path, noise.query(), (200, 303, 403, 404, 414, 503))
    await wire.close()
