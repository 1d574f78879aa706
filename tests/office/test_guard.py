"""Whoever comes without the link, or by another way than a page of ours: refused, and nothing is written or asked."""

from __future__ import annotations

from mpcgov.office import entry
from mpcgov.trust import sessions
from tests.node.network import Network
from tests.office.headquarters import Headquarters, headquarters

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


async def test_no_page_has_a_script_or_a_style_in_it(tmp_path) -> None:
    async with headquarters(Network(tmp_path)) as hq:
        anna = await hq.visitor()
        status, draft, _ = await anna.post("/paste", {"text": TEXT})
        assert status == 303
        for path in ("/", "/paste", draft, "/nowhere", "/static/office.js"):
            _, page = await anna.get(path)
            assert "<style" not in page
            assert " style=" not in page
            assert all("src=" in line for line in page.splitlines() if "<script" in line)
