"""The system's own browser, driven over its debugging protocol, with an authenticator in software."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import LONG_S

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

SERIOUS = ("serious", "critical")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip

RELOADED = ("net::ERR_ABORTED", "interrupted by another navigation", "Execution context was destroyed")
"""What the browser says of a page that loaded itself anew just then."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser; the test is skipped where there is none to start."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium here")
    playwright = pytest.importorskip("playwright.async_api")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=found, args=list(FLAGS), timeout=1000 * LONG_S)
        yield browser
        await browser.close()


async def desk(browser: Browser, language: str) -> Page:
    """One person's browser: cookies and a passkey's device of their own."""
    page = await window(browser, language)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


async def window(browser: Browser, language: str) -> Page:
    """A browser with cookies of its own; it waits for what must come as long as tests do."""
    context = await browser.new_context(locale=language, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(1000 * LONG_S)
    return await context.new_page()


async def visit(page: Page, address: str) -> None:
    """Goes to a page, until it is one that doesn't load itself anew, as what is looked at meanwhile does."""
    errors = pytest.importorskip("playwright.async_api").Error
    for _ in range(10 * LONG_S):
        try:
            await page.goto(address)
            if not await page.locator("[data-again]").count():
                return
        except errors as error:
            if not any(words in str(error) for words in RELOADED):
                raise
        await asyncio.sleep(0.1)
    raise AssertionError(f"{address} is never shown whole")


async def axe(page: Page, path: str) -> None:
    """Nothing serious that axe-core finds on a page."""
    axe = pytest.importorskip("axe_playwright_python.async_playwright").Axe()
    # The page's own rules let no script in but its own, so it is put there as a debugger does.
    found = await axe.run(page)
    faults = [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"] if one["impact"] in SERIOUS]
    assert faults == [], path


async def said_whole(page: Page, path: str) -> None:
    """No sentence of a page in another language is left in English."""
    if await page.locator("html").get_attribute("lang") != "en":
        assert await page.locator("main span[lang=en]").all_text_contents() == [], path


async def kept(page: Page, name: str) -> None:
    if folder := os.environ.get("MPCGOV_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
