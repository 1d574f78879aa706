"""A real browser against three real nodes: a job is composed, planned, proposed, followed, and its chart looked at.

Every page is looked through for what keeps people from using it, in each language. Pictures of the pages are kept in
the folder that MPCGOV_SCREENSHOTS names, if it does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mpcgov.node import operator
from tests import nightly
from tests.chromium import axe, chromium, kept, said_whole, visit
from tests.node.network import PARTIES, Network
from tests.office.headquarters import Headquarters, headquarters
from tests.patience import LONG_S

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

LINKED = "/compose/linked-count?" + "&".join(f"parties.{party}.dataset=people" for party in PARTIES[:2])
WORDS = {
    "en": {
        "new": "Compose a job", "choose": "Choose this: joint-count", "on": "Go on", "check": "Check and plan",
        "submit": "Propose to all agencies", "again": "Ask the same again", "compare": "Compare with the run before",
        "waits": "Waits for", "back": "Back to the job", "hidden": "was hidden",
    },
    "de": {
        "new": "Auftrag zusammenstellen", "choose": "Das wählen: joint-count", "on": "Weiter",
        "check": "Prüfen und planen", "submit": "Allen Behörden vorschlagen", "again": "Dasselbe noch einmal fragen",
        "compare": "Mit dem vorigen Lauf vergleichen", "waits": "Wartet auf",
        "back": "Zurück zum Auftrag", "hidden": "wurde verborgen",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", nightly.first(1, ["de", "en"]))
async def test_a_coordinator_gets_from_a_question_to_its_chart_in_a_browser(tmp_path: Path, language: str) -> None:
    async with chromium() as browser:
        network = Network(tmp_path)
        async with headquarters(network) as hq:
            await network.start()
            try:
                await _asks(hq, browser, language)
            finally:
                await network.stop()


async def _asks(hq: Headquarters, browser: Browser, language: str) -> None:
    words = WORDS[language]
    context = await browser.new_context(locale=language, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(1000 * LONG_S)
    page = await context.new_page()
    await visit(page, f"{hq.origin}/enter")
    await _looked_at(page, f"enter-{language}")
    hq.entry.write_link()
    await visit(page, hq.terminal[-1])
    await page.reload()
    await page.wait_for_url(f"{hq.origin}/")
    assert await page.locator("html").get_attribute("lang") == language
    for path in ("/catalogue", "/drafts", "/paste", "/schedules", "/compose/linked-statistics", LINKED, "/nowhere"):
        await visit(page, hq.origin + path)
        await _looked_at(page, f"{path.strip('/').partition('?')[0].replace('/', '-')}-{language}")
    await visit(page, hq.origin)
    await page.get_by_role("link", name=words["new"]).click()
    await _looked_at(page, f"protocols-{language}")
    await page.get_by_role("link", name=words["choose"]).click()
    await _looked_at(page, f"parties-{language}")
    await page.get_by_role("button", name=words["on"]).click()
    await _filled_in(page, language)
    await page.get_by_role("button", name=words["check"]).click()
    await page.get_by_role("alert").wait_for()
    await _looked_at(page, f"form-faults-{language}")
    await page.locator("[name='disclosure.min_count']").fill("11")
    await page.get_by_role("button", name=words["check"]).click()
    await page.get_by_role("button", name=words["submit"]).wait_for()
    await _looked_at(page, f"plan-{language}")
    await _submitted_and_approved(hq, page, words, f"job-{language}")
    await page.get_by_role("button", name=words["again"]).click()
    await _submitted_and_approved(hq, page, words, f"again-{language}")
    await page.get_by_role("link", name=words["compare"]).click()
    await page.get_by_role("link", name=words["back"]).wait_for()
    assert await page.get_by_text(words["hidden"]).count() == 0  # nothing was
    await _looked_at(page, f"compare-{language}")
    await page.set_viewport_size({"width": 400, "height": 800})
    for path in ("/", "/compose/joint-count?parties.labour.dataset=people"):
        await visit(page, hq.origin + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 400, path
    await kept(page, f"hq-narrow-{language}")
    # A form whose origin a browser tells: with another Referrer-Policy it says null, and is refused.
    await page.locator("form[action='/sign-out'] button").click()
    await page.wait_for_url(f"{hq.origin}/enter")
    await context.close()


async def _filled_in(page: Page, language: str) -> None:
    await page.locator("[name='purpose']").fill("Youth on support, 2025 report" + (" (de)" if language == "de" else ""))
    await page.locator("[name='legal_basis']").fill("Statistics Act, section 12")
    for place, name in enumerate(("region", "sex")):
        await page.locator("[name='params.by']").nth(place).select_option(name)
    await page.locator("[name='parties.labour.column']").first.select_option("age")
    await page.locator("[name='parties.labour.op']").first.select_option("<=")
    await page.locator("[name='parties.labour.value']").first.fill("29")
    await page.locator("[name='disclosure.min_count']").fill("1")
    await _looked_at(page, f"form-{language}")


async def _submitted_and_approved(hq: Headquarters, page: Page, words: dict[str, str], name: str) -> None:
    await page.get_by_role("button", name=words["submit"]).click()
    await page.get_by_text(words["waits"]).wait_for()
    await _looked_at(page, f"{name}-waits")
    job = page.url.rpartition("/")[2]
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, hq.network.home(party), job)
    # The page follows by itself.
    await page.locator("svg.chart").wait_for()
    await _looked_at(page, f"{name}-released")


async def _looked_at(page: Page, name: str) -> None:
    await kept(page, f"hq-{name}")
    await axe(page, name)
    await said_whole(page, name)
