"""From a question to its chart with nothing scripted: three nodes with real workers over real rows, and four browsers.

Two people of one agency approve with passkeys, a second agency's person sees both and approves, and the coordinator
gets the numbers that a plain count over all agencies' rows gives.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

from mpcgov.node import operator
from mpcgov.node.supervisor import Supervisor
from tests.chromium import axe, chromium, kept, visit
from tests.console.test_browser import entered
from tests.node.network import PARTIES, POLICY, Network
from tests.office.headquarters import LISTED, headquarters
from tests.patience import LONG_S
from tests.ports import free_ports

JOB = """protocol: joint-count
purpose: Youth on support, 2025 report
legal_basis: Statistics Act, section 12
parties: {labour: {dataset: people}, welfare: {dataset: people}, education: {dataset: people}}
params: {by: [region, sex]}
disclosure: {min_count: 10}
receivers: [coordinator]
"""


async def test_two_people_approve_a_third_sees_both_and_the_coordinator_gets_the_chart(tmp_path: Path) -> None:
    async with chromium() as browser:
        network = Network(tmp_path)
        origins = {party: network.console(party, free_ports(1)[0]) for party in ("labour", "welfare")}
        counted = _rows(network)
        network.workers = {party: Supervisor(keep_warm=False) for party in PARTIES}
        async with headquarters(network) as hq:
            network.policy("labour", "approvals: 2\n" + LISTED)
            network.policy("welfare", "partner_approvals: {labour: 2}\n" + POLICY)
            await network.start()
            try:
                page, job = await _asked(hq, browser)
                await _approved(network, origins, browser, job)
                await page.locator("svg.chart").wait_for()
                await kept(page, "whole-chart-en")
                await axe(page, "whole")
                rows = [re.split(r"\s*\t\s*", row) for row in await page.locator("table tr").all_inner_texts()]
                shown = {tuple(row[:2]): row[2] for row in rows if len(row) > 2}
                assert {cell: shown[cell] for cell in counted} == {cell: str(count) for cell, count in counted.items()}
            finally:
                await network.stop()


def _rows(network: Network) -> dict[tuple[str, str], int]:
    """Each agency's rows; gives how many there are of all in each cell."""
    counted: Counter[tuple[str, str]] = Counter()
    for place, party in enumerate(PARTIES):
        lines = ["region,sex,age"]
        for region, sex in product(("North", "South"), ("F", "M")):
            count = 12 + 3 * place + len(region + sex) * (sex == "F") + 7 * (region == "South")
            counted[region, sex] += count
            lines += [f"{region},{sex},{20 + i}" for i in range(count)]
        (network.home(party) / "people.csv").write_text("\n".join(lines) + "\n")
    return dict(counted)


async def _asked(hq: Any, browser: Any) -> tuple[Any, str]:
    """The coordinator proposes the job; gives the page that follows it, and the job's number."""
    page = await (await browser.new_context(locale="en", viewport={"width": 1200, "height": 900})).new_page()
    page.set_default_timeout(1000 * LONG_S)
    hq.entry.write_link()
    await visit(page, hq.terminal[-1])
    await page.wait_for_url(f"{hq.origin}/")
    await visit(page, f"{hq.origin}/paste")
    await page.locator("#text").fill(JOB)
    await page.get_by_role("button", name="Keep as a draft").click()
    await page.get_by_role("button", name="Propose to all agencies").click()
    await page.get_by_text("Waits for").wait_for()
    return page, page.url.rpartition("/")[2]


async def _approved(network: Network, origins: dict[str, str], browser: Any, job: str) -> None:
    for name, said in (("anna", "You have said yes"), ("bert", "Your agency has said yes")):
        person = await entered(browser, "en", network.home("labour"), origins["labour"], name)
        await visit(person, f"{origins['labour']}/jobs/{job}")
        await person.get_by_role("button", name="Approve").click()
        await person.get_by_text(said).wait_for()
    await network.holds_approval("welfare", job, "labour")
    carla = await entered(browser, "en", network.home("welfare"), origins["welfare"], "carla")
    await visit(carla, f"{origins['welfare']}/jobs/{job}")
    row = carla.get_by_role("row").filter(has=carla.get_by_role("rowheader", name="labour"))
    assert "signed with a passkey: 2" in await row.last.inner_text()
    await kept(carla, "whole-peer-sees-both-en")
    await carla.get_by_role("button", name="Approve").click()
    await asyncio.to_thread(operator.approve, network.home("education"), job)
