"""What a coordinator sees while a job computes, in a real browser: phase, share done, time left, and the end.

The workers of three nodes are held at one phase and let go by the test; what they send, and what the nodes tell of it,
is real. Pictures are kept in the folder that MPCGOV_SCREENSHOTS names, if it does.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from mpcgov.coordinator import home as homes
from mpcgov.coordinator import service
from mpcgov.node import operator
from tests.chromium import axe, chromium, kept, window
from tests.node.network import DATASETS, Network
from tests.office.headquarters import Headquarters, headquarters

REGIONS = ", ".join(f"R{number:04}" for number in range(28))
STEP_BYTES = 128
"""Smaller than nodes' own, for so small a job: in such steps they tell how much they have sent."""

WORDS = {
    "en": ("numbers are computed", "About {} % done.", "At most"),
    "de": ("Zahlen werden berechnet", "Etwa {} % erledigt.", "Noch höchstens"),
}


async def test_a_page_shows_how_far_a_job_is_how_long_it_takes_and_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpcgov.node.standing.SENT_STEP_BYTES", STEP_BYTES)
    async with chromium() as browser:
        network = Network(tmp_path)
        for party in network.parties:
            network.datasets(party, DATASETS.replace("[North, South]", f"[{REGIONS}]"))
        async with headquarters(network) as hq:
            await network.start()
            try:
                for language in WORDS:
                    await _followed(hq, await window(browser, language), language)
            finally:
                await network.stop()


async def _followed(hq: Headquarters, page: Any, language: str) -> None:
    phase, done, left = WORDS[language]
    network, computes, ends = hq.network, asyncio.Event(), asyncio.Event()
    for worker in network.workers.values():
        worker.gates |= {"compute": computes, "done": ends}
    by = ["region"] if language == "en" else ["region", "sex"]
    proposal = network.proposal(params={"by": by}, approve_within_h=24)
    stored = homes.store(homes.load(hq.home), proposal)
    planned = service.pace_of(proposal).planned_bytes
    for worker in network.workers.values():
        worker.bulk_bytes = planned * 6 // 20  # to each of two
    async with network.client() as client:
        for party in network.parties:
            await client.request(party, "POST", "/v1/jobs", stored.envelope.to_bytes())
    hq.entry.write_link()
    await page.goto(hq.terminal[-1])
    await page.wait_for_url(f"{hq.origin}/")
    await page.goto(f"{hq.origin}/jobs/{stored.id}")
    for party in network.parties:
        await asyncio.to_thread(operator.approve, network.home(party), stored.id)
    # None of what follows is asked for: the page comes again by itself.
    await page.get_by_text(phase).wait_for()
    await page.get_by_text(done.format(0)).wait_for()
    assert await page.locator("progress").get_attribute("value") == "0"
    computes.set()
    told = await page.get_by_text(re.compile(f"{done.format('[456]0')} {left}")).inner_text()
    assert f" {await page.locator('progress').get_attribute('value')} %" in told
    await kept(page, f"hq-progress-{language}")
    await axe(page, "progress")
    await page.set_viewport_size({"width": 400, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400
    await kept(page, f"hq-progress-narrow-{language}")
    ends.set()
    await page.locator("svg.chart").first.wait_for()
    assert await page.locator("progress").count() == 0
