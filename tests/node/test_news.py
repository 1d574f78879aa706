"""Who waits for a job's end, or to join one that is about to begin, wakes up by it, not by looking again."""

from __future__ import annotations

import asyncio

import pytest

from mpcgov.node import api, service
from mpcgov.node.news import News
from mpcgov.results import progress
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


async def test_a_coordinator_hears_of_a_jobs_end_without_asking_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With waits that nobody would sit out: only the end itself ends them."""
    for module, names in ((api, ["ENDED_S"]), (progress, ["POLL_WAITING_S", "POLL_RUNNING_S", "ASK_TIMEOUT_S"])):
        for name in names:
            monkeypatch.setattr(module, name, 3600.0)
    gate = network.workers["welfare"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    heard: list[str] = []
    async with network.client() as client:
        following = asyncio.create_task(
            progress.follow(client, PARTIES, job, lambda status: heard.append(status.state.value))
        )
        await approve(network, job)
        await network.until(job, "RUNNING")
        gate.set()
        assert (await asyncio.wait_for(following, LONG_S)).state.value == "RELEASED"
    assert len(heard) <= 3


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
