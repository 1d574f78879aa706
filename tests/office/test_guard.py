"""Whoever comes without the link, or by another way than a page of ours: refused, and nothing is written or asked."""

from __future__ import annotations

import random

import pytest

from mpcgov.office import entry
from mpcgov.trust import sessions
from tests.node.network import Network
from tests.office.headquarters import Headquarters, headquarters
from tests.office.test_pages import JOB

PAGES = ("/", "/compose", "/compose/joint-count", "/drafts", "/catalogue", "/paste", "/jobs/aaaa-aaaa-aaaa",
         "/jobs/aaaa-aaaa-aaaa/state", "/jobs/aaaa-aaaa-aaaa/files/csv", "/jobs/aaaa-aaaa-aaaa/bundle",
         "/drafts/0123456789abcdef", "/drafts/0123456789abcdef/job.yaml")  # fmt: skip
POSTS = ("/compose/joint-count", "/compose/linked-statistics", "/paste", "/drafts/0123456789abcdef/submit",
         "/drafts/0123456789abcdef/delete", "/jobs/aaaa-aaaa-aaaa/cancel", "/jobs/aaaa-aaaa-aaaa/repeat",
         "/enter")  # fmt: skip
TEXT = "protocol: joint-count\npurpose: p\nlegal_basis: b\nparties: {a: {dataset: d}, b: {}, c: {}}\nreceivers: [a]\n"


async def test_a_link_lets_one_browser_in_once(hq: Headquarters) -> None:
    anna, eve = hq.stranger(), hq.stranger()
    for visitor in (anna, eve):
        assert (await visitor.get("/"))[0] == 303
        await visitor.get("/enter")
    hq.entry.write_link()
    old = hq.terminal[-1]
    status, _, _ = await anna.post("/link", {})
    assert status == 303
    assert hq.terminal[-1] != old
    assert await anna.enter(old) == 403
    assert await anna.enter("#") == 403
    assert await anna.enter(hq.terminal[-1]) == 200
    assert (await anna.get("/"))[0] == 200
    assert await eve.enter(hq.terminal[-1]) == 403
    assert (await eve.get("/"))[0] == 303


async def test_a_link_ends_after_a_while_and_so_does_a_session(hq: Headquarters, monkeypatch) -> None:
    anna = await hq.visitor()
    hq.clock.offset_s += entry.IDLE_S - 60
    assert (await anna.get("/drafts"))[0] == 200
    hq.clock.offset_s += entry.IDLE_S + 1
    assert (await anna.get("/drafts"))[0] == 303
    anna = await hq.visitor()
    for _ in range(int(sessions.LONGEST_S / entry.IDLE_S) + 1):
        hq.clock.offset_s += entry.IDLE_S - 60
        status, _ = await anna.get("/drafts")
    assert status == 303
    monkeypatch.setattr(entry, "LINK_S", -1.0)
    await anna.get("/enter")
    hq.entry.write_link()
    assert await anna.enter(hq.terminal[-1]) == 403


async def test_strangers_see_and_change_nothing(tmp_path) -> None:
    async with headquarters(Network(tmp_path)) as hq:
        eve = hq.stranger()
        await eve.get("/enter")
        for path in PAGES:
            status, page = await eve.get(path)
            assert (status, page) == (303, ""), path
        for path in POSTS:
            status, _, _ = await eve.post(path, {"text": TEXT})
            assert status in (403, 404), path
        assert not (hq.home / "drafts").exists()


async def test_a_form_comes_from_a_page_of_ours(tmp_path) -> None:
    async with headquarters(Network(tmp_path)) as hq:
        anna = await hq.visitor()
        right = {"Origin": hq.origin}
        for headers, csrf in (
            ({}, anna.csrf), ({"Origin": "http://evil.example"}, anna.csrf), ({"Origin": "null"}, anna.csrf),
            (right | {"Sec-Fetch-Site": "cross-site"}, anna.csrf), (right | {"Host": "evil.example"}, anna.csrf),
            (right, "0" * 64), (right, ""),
        ):  # fmt: skip
            data = {"csrf": csrf, "text": TEXT}
            async with anna.session.post(f"{hq.origin}/paste", data=data, headers=headers) as response:
                assert response.status in (403, 421)
                assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert not (hq.home / "drafts").exists()
        status, draft, _ = await anna.post("/paste", {"text": TEXT})
        assert status == 303
        # A name in an address never becomes a path.
        for path in ("/drafts/../coordinator.yaml", "/drafts/%2e%2e%2fcoordinator", "/jobs/..%2f..%2fkeys/files/csv",
                     "/static/..%2fapp.py", "/jobs/aaaa-aaaa-aaaa/files/..%2f",
                     f"{draft}/..%2f..%2fcoordinator.yaml"):  # fmt: skip
            assert (await anna.get(path))[0] == 404, path
        for path in ("/", "/paste", draft, "/nowhere", "/static/office.js"):
            _, page = await anna.get(path)
            assert "<style" not in page
            assert " style=" not in page
            assert all("src=" in line for line in page.splitlines() if "<script" in line)


@pytest.mark.parametrize("bodies", [300, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_random_bodies_at_every_route_change_nothing(tmp_path, bodies: int) -> None:
    """By somebody who has come in; no node runs. No route has a fault of its own."""
    async with headquarters(Network(tmp_path)) as hq:
        anna, chance = await hq.visitor(), random.Random(15)
        names = [name for name, _ in JOB] + ["parties.labour.key", "disclosure.noise.mechanism", "text",
                                             "link.method", "params.correlations.first", "deadline_s",
                                             "parties.labour.other"]  # fmt: skip
        seeds = ["", "!", "people", "\x00", "x" * 3000, "'", "1e999", "-1", "region", "labour.age", "9" * 400, "check",
                 "\ud7ff", "{{ 7 * 7 }}", "<b>", "a: &b [*b]", "keep", "more", "in",
                 "between", "discrete-laplace"]  # fmt: skip
        posts = [path for path in hq.posts() if path != "/sign-out"]
        for i in range(bodies):
            fields = [(chance.choice(names), chance.choice(seeds)) for _ in range(chance.randrange(12))]
            status, _, page = await anna.post(posts[i % len(posts)], fields)
            assert status in (303, 403, 404, 413, 422, 200, 503), (posts[i % len(posts)], fields, page)
            assert "a fault of the console itself" not in page, (posts[i % len(posts)], fields)
            assert "<b>" not in page
        for i, path in enumerate(posts * (bodies // 50)):
            kind = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain",
                    "application/x-www-form-urlencoded; charset=nothing")[i % 4]  # fmt: skip
            headers = {"Origin": hq.origin, "Content-Type": kind} | ({"X-CSRF": anna.csrf} if i % 3 else {})
            body = chance.randbytes(chance.randrange(300)) if i % 5 else b"x" * (300 << 10)
            async with anna.session.post(
                hq.origin + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                assert response.status in (303, 403, 404, 413, 422), (path, kind)
                assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
                assert "a fault of the console itself" not in await response.text()
        assert not (hq.home / "jobs").exists()
        assert (await anna.get("/drafts"))[0] == 200
