"""A real browser against three real nodes: two people sign in and approve, and another agency's node sees both.

Every page is looked through for what keeps people from using it, in each language. Pictures of the pages are kept in
the folder that MPCGOV_SCREENSHOTS names, if it does.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mpcgov.node import operator
from mpcgov.node.desk import enrolment
from mpcgov.node.desk.config import Role
from tests.chromium import axe, chromium, desk, kept, said_whole, visit
from tests.console.agency import Agency
from tests.node.network import POLICY, Network, when
from tests.patience import LONG_S
from tests.ports import free_ports

if TYPE_CHECKING:
    from playwright.async_api import Page

PAGES = ("/", "/jobs", "/datasets", "/policy", "/budgets", "/health", "/audit?check=1", "/people")

WIDE, NARROW = {"width": 1200, "height": 900}, {"width": 320, "height": 800}
"""NARROW: what is left of a screen of 1,280 when it is enlarged fourfold, without a line to be moved sideways for."""


async def test_two_people_approve_in_their_browsers_and_a_peer_sees_both(tmp_path: Path) -> None:
    async with chromium() as browser:
        network = Network(tmp_path)
        origins = {party: network.console(party, free_ports(1)[0]) for party in ("labour", "welfare")}
        network.policy("labour", "approvals: 2\n" + POLICY)
        network.policy("welfare", "partner_approvals: {labour: 2}\n" + POLICY)
        await network.start()
        try:
            await _two_people(network, origins, browser)
        finally:
            await network.stop()


async def _two_people(network: Network, origins: dict[str, str], browser: Any) -> None:
    home = network.home("labour")
    await network.submit(network.proposal(purpose="Youth on support, 2024 report"))
    params = {"by": ["region", "sex"]}
    proposal = network.proposal(params=params, parties={
        "labour": {"dataset": "people", "where": "age < 30"}, "welfare": {"dataset": "people"}, "education": {},
    })  # fmt: skip
    job = (await network.submit(proposal))["labour"]["job"]
    anna = await entered(browser, "en", home, origins["labour"], "anna")
    await _without_faults(anna, origins["labour"], [*PAGES, f"/jobs/{job}", "/nowhere"], "en")
    await visit(anna, f"{origins['labour']}/jobs/{job}")
    await anna.get_by_role("button", name="Approve").click()
    await anna.get_by_text("You have said yes").wait_for()
    await kept(anna, "job-said-yes-en")

    bert = await entered(browser, "de", home, origins["labour"], "bert")
    await _without_faults(bert, origins["labour"], [*PAGES, f"/jobs/{job}", "/nowhere"], "de")
    await visit(bert, f"{origins['labour']}/jobs/{job}")
    await _by_keyboard_to(bert, "Zustimmen")
    await kept(bert, "job-focus-de")
    await bert.keyboard.press("Enter")
    await bert.get_by_text("hier freigegeben").wait_for()
    for party in ("welfare", "education"):
        await network.holds_approval(party, job, "labour")

    carla = await entered(browser, "en", network.home("welfare"), origins["welfare"], "carla")
    await visit(carla, f"{origins['welfare']}/jobs/{job}")
    row = carla.get_by_role("row").filter(has=carla.get_by_role("rowheader", name="labour"))
    text = await row.last.inner_text()
    assert "signed with a passkey: 2" in text
    assert "person 1" in text
    assert "person 2" in text
    await kept(carla, "job-peer-sees-both-en")
    await carla.get_by_role("button", name="Approve").click()
    await asyncio.to_thread(operator.approve, network.home("education"), job)
    await network.until(job, "RELEASED")
    await carla.reload()
    await carla.get_by_text("released", exact=True).first.wait_for()
    await carla.get_by_role("button", name="Sign out").click()
    await carla.wait_for_url("**/sign-in")
    await visit(carla, f"{origins['welfare']}/jobs/{job}")
    assert carla.url.endswith("/sign-in")


FOCUSED = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return {
    text: at.innerText || at.name || at.tagName, skips: at.className === "skip",
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.left >= 0 && box.right <= innerWidth,
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""


async def _by_keyboard_to(page: Page, button: str) -> None:
    """From the top of a page to a button by Tab and Enter alone: past what stands on every page, and then by what can
    be used, each of which is in sight when it has the focus, and marked."""
    await page.keyboard.press("Tab")
    first = await page.evaluate(FOCUSED)
    assert (first["skips"], first["seen"], first["marked"]) == (True, True, True), first
    await page.keyboard.press("Enter")
    passed = []
    while len(passed) < 40:
        await page.keyboard.press("Tab")
        at = await page.evaluate(FOCUSED)
        assert (at["seen"], at["marked"]) == (True, True), at
        if at["text"] == button:
            return
        passed.append(at["text"])
    raise AssertionError(f"{button} is never reached, but {passed}")


async def entered(browser: Any, language: str, home: Path, origin: str, name: str, role: Role = "approver") -> Page:
    """Somebody who was let in, has made a passkey in a browser of their own, and has signed in."""
    page = await desk(browser, language)
    link = await asyncio.to_thread(enrolment.add, home, name, role)
    for _ in range(10 * LONG_S):  # the node starts its console by itself
        with contextlib.suppress(Exception):
            await visit(page, f"{origin}/sign-in")
            break
        await asyncio.sleep(0.1)
    await kept(page, f"sign-in-{language}")
    await axe(page, "/sign-in")
    await visit(page, link)
    await kept(page, f"enrol-{language}")
    await axe(page, "/enrol")
    await page.locator("main button").click()
    await page.wait_for_url("**/sign-in")
    await page.locator("main button").click()
    await page.wait_for_url(f"{origin}/")
    return page


@pytest.mark.slow
async def test_two_people_change_the_policy_in_their_browsers(tmp_path: Path) -> None:
    async with chromium() as browser:
        network = Network(tmp_path)
        home, origin = network.home("labour"), network.console("labour", free_ports(1)[0])
        network.policy("labour", "approvals: 2\n" + POLICY)
        await network.start("labour")
        try:
            paul = await entered(browser, "de", home, origin, "paul", "policy-editor")
            anna = await entered(browser, "en", home, origin, "anna")
            await _policy_changed(network, origin, paul, anna)
        finally:
            await network.stop()


async def _policy_changed(network: Network, origin: str, paul: Page, anna: Page) -> None:
    await visit(paul, f"{origin}/policy")
    await _looked_at(paul, "policy-de")
    await paul.get_by_role("link", name="Regeln ändern").click()
    text = await paul.locator("#text").input_value()
    await paul.locator("#text").fill(text.replace("min_count: 5", "min_count: 1"))
    await paul.get_by_role("button", name="Prüfen").click()
    await paul.get_by_text("min_count").first.wait_for()
    await _looked_at(paul, "policy-faults-de")
    changed = text.replace("min_count: 5", "min_count: 4").replace("age: [filter]", "age: [filter, group]")
    await paul.locator("#text").fill(changed.replace("partners: ['*']", "").replace("labour]", "]"))
    await paul.get_by_role("button", name="Prüfen").click()
    await paul.get_by_text("kleinste gezeigte Zelle: 4 (bisher: 5)").wait_for()
    await _looked_at(paul, "policy-checked-de")
    await paul.get_by_role("button", name="Vorschlagen").click()
    await paul.get_by_text("Sie haben zugestimmt").wait_for()
    await _looked_at(paul, "policy-waits-de")

    await visit(anna, f"{origin}/policy")
    await anna.get_by_text("people: smallest cell shown: 4 (before: 5)").wait_for()
    await _looked_at(anna, "policy-forward-en")
    await anna.get_by_role("button", name="Agree").click()
    await anna.get_by_text("age: [filter, group]").wait_for()
    assert "min_count: 4" in (network.home("labour") / "policy.yaml").read_text()
    network.policy("labour", POLICY)
    await anna.reload()
    await anna.get_by_text("The file on the node's machine was changed").wait_for()
    await _looked_at(anna, "policy-by-hand-en")
    await paul.reload()
    await paul.get_by_role("button", name="Geltende Regeln zurückholen").click()
    await paul.wait_for_url(f"{origin}/policy")
    assert "min_count: 4" in (network.home("labour") / "policy.yaml").read_text()


async def _looked_at(page: Page, name: str) -> None:
    await kept(page, name)
    await axe(page, name)
    await said_whole(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def _without_faults(page: Page, origin: str, paths: list[str], language: str) -> None:
    for path in paths:
        await visit(page, origin + path)
        await page.locator("[data-again]").wait_for(state="detached")  # such a page comes again by itself
        assert await page.locator("html").get_attribute("lang") == language
        name = "job" if path.startswith("/jobs/") else path.strip("/").partition("?")[0] or "waiting"
        await kept(page, f"{name}-{language}")
        await axe(page, path)
        await said_whole(page, path)
        await page.set_viewport_size(NARROW)
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
        await kept(page, f"{name}-narrow-{language}")
        await page.set_viewport_size(WIDE)


async def test_a_page_in_a_frame_of_another_site_shows_nothing(agency: Agency) -> None:
    """Clickjacking, in the browser that it is about."""
    async with chromium() as browser:
        page = await desk(browser, "en")
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        await page.set_content(f'<iframe src="{agency.at}/sign-in"></iframe>')
        await when(lambda: bool(refused), "the browser said nothing")
        assert any("frame" in text.lower() for text in refused), refused
