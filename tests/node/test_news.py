"""Who waits for a job's end, or to join one that is about to begin, wakes up by it, not by looking again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.errors import PeerError
from mpcgov.node import api, operator, service, shares
from mpcgov.node.news import News
from mpcgov.results import follow, progress, receive
from mpcgov.spec.job import COORDINATOR
from tests.node.network import PARTIES, Network, when
from tests.node.test_jobs import approve, proposed
from tests.patience import LONG_S


async def test_news_wake_who_waits_for_them_and_nobody_waits_for_ever() -> None:
    news, happened = News(), []
    waiting = asyncio.create_task(news.until(lambda: bool(happened), 3600))
    await asyncio.sleep(0)
    news.tell()
    await asyncio.sleep(0)
    assert not waiting.done()
    happened.append(1)
    news.tell()
    await asyncio.wait_for(waiting, LONG_S)
    await news.until(lambda: False, 0.01)


@pytest.mark.parametrize(("look_s", "looks"), [(3600.0, 1), (0.0, 2)])
async def test_a_coordinator_hears_of_a_jobs_end_from_all_whether_it_is_looking_or_not(
    network: Network, monkeypatch: pytest.MonkeyPatch, look_s: float, looks: int
) -> None:
    """With waits that nobody would sit out, and a second look that is never answered: only the end itself ends them."""
    for module, names in ((api, ["ENDED_S"]), (follow, ["LOOK_S", "END_TIMEOUT_S"]), (progress, ["ASK_TIMEOUT_S"])):
        for name in names:
            monkeypatch.setattr(module, name, 3600.0)
    monkeypatch.setattr(follow, "LOOK_S", look_s)
    gate = network.workers["welfare"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    heard: list[str] = []
    asked: Counter[str] = Counter()
    async with network.client() as client:
        request = client.request

        async def counted(party: str, method: str, path: str, **options: Any) -> Any:
            asked[what := path.removeprefix(f"/v1/jobs/{job}")] += 1
            if what == "" and asked[""] > len(PARTIES):
                await asyncio.Event().wait()
            return await request(party, method, path, **options)

        monkeypatch.setattr(client, "request", counted)
        following = asyncio.create_task(
            follow.follow(client, PARTIES, job, lambda status: heard.append(status.state.value))
        )
        await approve(network, job)
        await network.until(job, "RUNNING")
        gate.set()
        assert (await asyncio.wait_for(following, LONG_S)).state.value == "RELEASED"
    assert len(heard) == 2
    assert asked == {"": looks * len(PARTIES), "/ended": len(PARTIES)}


async def test_a_receiver_that_waits_for_the_end_hears_the_shares_with_it_and_nobody_else_does(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "LOOK_S", 3600.0)
    await network.start()
    proposal, job = await proposed(network)
    manifest = registry.find("joint-count").manifest
    async with network.client() as hq, network.client("labour") as labour:
        following = asyncio.create_task(follow.follow(hq, PARTIES, job, lambda _: None))
        waiting = await labour.request("welfare", "GET", f"/v1/jobs/{job}/ended")
        await approve(network, job)
        status = await asyncio.wait_for(following, LONG_S)
        assert set(status.shares) == {*PARTIES}
        for party in PARTIES:  # who was given a share is on record, however it was given
            records = operator.audit_records(network.home(party))
            asked = [record["facts"]["what"] for record in records if record["event"] == "request"]
            assert "GET /v1/jobs/{job}/share" in asked
        ended = await labour.request("welfare", "GET", f"/v1/jobs/{job}/ended")
        assert (ended["state"], "share" in waiting, "share" in ended) == ("RELEASED", False, False)
        swapped = dict(zip(PARTIES, reversed([status.shares[party] for party in PARTIES]), strict=True))
        with pytest.raises(PeerError, match="its share"):
            await receive.collect(hq, network.roster, proposal, manifest, COORDINATOR, swapped)
        monkeypatch.setattr(hq, "request", None)  # nothing more is asked
        result = await receive.collect(hq, network.roster, proposal, manifest, COORDINATOR, status.shares)
    assert result["tables"]["count"]["rows"] == [["North", 10], ["South", 11]]


async def test_a_share_that_isnt_small_is_asked_for_by_itself(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "IN_LOOP_BYTES", 100)
    monkeypatch.setattr(follow, "LOOK_S", 3600.0)
    await network.start()
    proposal, job = await proposed(network)
    async with network.client() as hq:
        following = asyncio.create_task(follow.follow(hq, PARTIES, job, lambda _: None))
        await approve(network, job)
        status = await asyncio.wait_for(following, LONG_S)
        assert status.shares == {}
        result = await receive.result(hq, network.roster, proposal, COORDINATOR, status)
    assert result["tables"]["count"]["rows"] == [["North", 10], ["South", 11]]


async def test_a_bad_end_at_one_node_is_looked_at_before_the_others_say_so(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, names in ((api, ["ENDED_S"]), (follow, ["LOOK_S", "END_TIMEOUT_S"])):
        for name in names:
            monkeypatch.setattr(module, name, 3600.0)
    await network.start()
    _, job = await proposed(network)
    async with network.client() as client:
        following = asyncio.create_task(follow.follow(client, PARTIES, job, lambda _: None))
        await network.until(job, "AWAITING_APPROVAL")
        await asyncio.to_thread(operator.reject, network.home("welfare"), job, "no")
        assert (await asyncio.wait_for(following, LONG_S)).state.value == "REJECTED"


async def test_a_stream_that_comes_a_moment_early_waits_for_the_job_to_begin(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BEGIN_S", 3600.0)
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    begin = network.nodes["labour"].service.begin
    held: list[str] = []
    monkeypatch.setattr(network.nodes["labour"].service, "begin", held.append)
    _, job = await proposed(network)
    await approve(network, job)
    labour = network.nodes["labour"].service
    await when(lambda: held == [job], "its turn never comes")
    coming = asyncio.create_task(labour.run_awaiting(job, "education"))
    await asyncio.sleep(0)
    assert not coming.done()
    begin(job)
    run = await asyncio.wait_for(coming, LONG_S)
    assert run.job == job
    run.streams.unclaim("education")
