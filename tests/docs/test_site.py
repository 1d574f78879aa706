"""The docs' site has every page in one place, every link and anchor leads somewhere, and nothing is from elsewhere."""

from __future__ import annotations

import asyncio
import functools
import html.parser
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from mpcgov.cli.main import cli
from tests.chromium import chromium
from tests.patience import LONG_S

ROOT = Path(__file__).resolve().parents[2]
HOOKS: dict[str, Any] = {"__name__": "docs_hooks", "__file__": str(ROOT / "scripts/docs-hooks.py")}
exec(compile((ROOT / "scripts/docs-hooks.py").read_text(encoding="utf-8"), "docs-hooks.py", "exec"), HOOKS)
ELSEWHERE: dict[str, str] = HOOKS["ELSEWHERE"]
DOCUMENTS = sorted({*ROOT.glob("docs/**/*.md"), *(ROOT / name for name in ELSEWHERE)})
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def pages(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        for below in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [below] if isinstance(below, str) else pages(below)


def unfenced(path: Path) -> str:
    return "".join(HOOKS["FENCE"].split(path.read_text(encoding="utf-8"))[::2])


@functools.cache
def anchors(path: Path) -> set[str]:
    """Of a document's headings, as the tree's readers and the site make them: words of letters, joined by hyphens."""
    headings = re.findall(r"^#{1,6} (.+)$", unfenced(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_navigation_has_every_page_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    there = [path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")]
    assert sorted([*pages(nav), *HOOKS["decisions"]()]) == sorted([*there, *ELSEWHERE.values()])


def test_every_link_and_anchor_leads_somewhere() -> None:
    broken = []
    for document in DOCUMENTS:
        for file, anchor in LINK.findall(unfenced(document)):
            target = (document.parent / file).resolve() if file else document
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{document.relative_to(ROOT)}: {file}#{anchor}")
    assert broken == []


def test_every_page_is_two_steps_from_the_index() -> None:
    def linked(page: Path) -> set[Path]:
        return {(page.parent / file).resolve() for file, _ in LINK.findall(unfenced(page)) if file}

    first = linked(ROOT / "docs/README.md")
    reached = first.union(*(linked(page) for page in first if page.suffix == ".md"))
    decided = {ROOT / "docs" / name for name in HOOKS["decisions"]()}  # adr/README.md lists them on the site
    assert set(ROOT.glob("docs/**/*.md")) - reached - decided - {ROOT / "docs/README.md"} == set()


def test_links_out_of_the_docs_are_the_sites_own_pages() -> None:
    made = HOOKS["linked"]
    assert made("[a](../../README.md#b), `network.md`", "docs/readers/x.md", "readers/x.md") == (
        "[a](../overview.md#b), `network.md`"
    )
    assert made("`docs/network.md`; [it](LICENSE)\n```\n`docs/network.md`\n```\n", "README.md", "overview.md") == (
        "[`docs/network.md`](network.md); it\n```\n`docs/network.md`\n```\n"
    )


def test_commands_are_described_in_the_words_of_help() -> None:
    text = HOOKS["commands"]()
    assert "### mpcgov node approve\n" in text
    assert " ".join(str(cli.commands["verify"].help).split()) in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


SHOWN = re.compile(r"^ {4}(?:\$ )?mpcgov ([^#\n]+)|`mpcgov ([^`]+)`", re.MULTILINE)


def faults(line: str) -> list[str]:
    """What a command that a document shows has that there isn't."""
    found: click.Command = cli
    words = re.sub(r"[][|…]", " ", line).split()
    while isinstance(found, click.Group) and words and words[0] in found.commands:
        found = found.commands[words.pop(0)]
    if isinstance(found, click.Group) and words and not words[0].startswith(("-", "COMMAND")):
        return [f"mpcgov {line}: no command {words[0]}"]
    known = {option for param in found.params for option in (*param.opts, *param.secondary_opts)} | {"-h", "--help"}
    return [f"mpcgov {line}: no option {word}" for word in words if word.startswith("--") and word not in known]


def test_every_command_that_a_document_shows_is_there_with_its_options() -> None:
    shown = {one or other for path in DOCUMENTS for one, other in SHOWN.findall(path.read_text(encoding="utf-8"))}
    assert len(shown) > 100
    assert [fault for line in sorted(shown) for fault in faults(line)] == []


class Resources(html.parser.HTMLParser):
    """What a browser would fetch for a page, and where links lead that a reader may click."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.fetched += [value for name in ("src", "srcset", "data", "poster") if (value := named.get(name))]
        if tag == "link" and named.get("rel") != "canonical":
            self.fetched.append(named["href"] or "")


@pytest.mark.slow
async def test_the_site_is_built_strictly_and_loads_nothing_from_elsewhere() -> None:
    builder = await asyncio.create_subprocess_exec(str(ROOT / "scripts/docs"))
    assert await builder.wait() == 0
    site = ROOT / "build/site"
    built = sorted(site.rglob("*.html"))
    assert len(built) > 40
    for page in built:
        found = Resources()
        found.feed(page.read_text(encoding="utf-8"))
        assert [one for one in found.fetched if re.match(r"[a-z]+:|//", one)] == [], page
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        await _looked_through(f"http://127.0.0.1:{server.server_port}", [page.relative_to(site) for page in built])
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Writes no log."""

    def log_message(self, *_: object) -> None:
        pass


async def _looked_through(origin: str, built: list[Path]) -> None:
    """No page asks another origin, or fails in a browser; search finds."""
    async with chromium() as browser:
        page = await browser.new_page()
        page.set_default_timeout(1000 * LONG_S)
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        for path in built:
            await page.goto(f"{origin}/{path}")
        await page.goto(f"{origin}/index.html")
        await page.locator("input.md-search__input").fill("passkey")
        await page.locator(".md-search-result__item").first.wait_for()
        assert [url for url in asked if not url.startswith((origin, "data:", "blob:"))] == []
        assert faults == []
