"""What mkdocs is told about these docs: pages from elsewhere in the tree, links, the commands' help, pictures.

The files of docs/ are written for readers of the tree. Links that lead out of docs/ are sent to the page that the site
makes of that file, or become plain text. mkdocs calls the functions whose names begin with `on_`.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

LOG = logging.getLogger("mkdocs.hooks")
ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "build/pictures"
"""Where scripts/docs has the tests put pictures of the consoles' pages."""

ELSEWHERE = {
    "README.md": "overview.md",
    "examples/README.md": "examples.md",
    "examples/deploy/README.md": "deploy.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "vulnerabilities.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files outside docs/, and the pages that the site makes of them."""

FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)#\s]*)(#[^)\s]*)?\)")
NAMED = re.compile(r"(?<!\[)`([\w./-]+\.md)`")
MERMAID = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)  # drawn by others' code; the table says the same
INFO = re.compile(r"^```(\w+) .*$", re.MULTILINE)  # further words are for our tests, and no fence to superfences
PICTURE = re.compile(r"^<!-- picture: ([\w-]+): (.+) -->$", re.MULTILINE)


def decisions() -> list[str]:
    """The ADRs' pages, in order."""
    return sorted(f"adr/{path.name}" for path in (ROOT / "docs/adr").glob("0*.md"))


def title(page: str) -> str:
    """A page's first line."""
    return (ROOT / "docs" / page).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def commands() -> str:
    """What --help says of every command, in the order of `mpcgov --help`."""
    import click

    from mpcgov.cli.main import SECTIONS, cli

    def described(command: click.Command, above: click.Context, name: str) -> list[str]:
        context = click.Context(command, parent=above, info_name=name, terminal_width=80)
        if isinstance(command, click.Group):
            return [line for name, below in command.commands.items() for line in described(below, context, name)]
        return [f"### {context.command_path}", "", "```text", command.get_help(context), "```", ""]

    top = click.Context(cli, info_name="mpcgov", terminal_width=80, **cli.context_settings)
    lines: list[str] = []
    for heading, names in SECTIONS:
        lines += [f"## {heading}", ""]
        lines += [line for name in names for line in described(cli.commands[name], top, name)]
    return "\n".join(lines)


def page_of(file: str) -> str | None:
    """The page that the site has of a file of the tree."""
    if file in ELSEWHERE:
        return ELSEWHERE[file]
    inside = file.removeprefix("docs/")
    return inside if inside != file and file.endswith(".md") and (ROOT / file).is_file() else None


def linked(text: str, source: str, page: str) -> str:
    """Text of the file `source` with its links as they are from `page`; documents that are only named become links."""

    def target(file: str) -> str | None:
        found = page_of(file)
        return found and relpath(found, dirname(page) or ".")

    def of_link(found: re.Match[str]) -> str:
        words, file, anchor = found[1], found[2], found[3] or ""
        there = target(normpath(join(dirname(source), file)))
        return f"[{words}]({there}{anchor})" if there else words

    def of_name(found: re.Match[str]) -> str:
        beside = normpath(join(dirname(source), found[1]))
        there = target(found[1]) or target(beside)
        return f"[{found[0]}]({there})" if there and there != page else found[0]

    parts = FENCE.split(text)
    parts[::2] = [NAMED.sub(of_name, LINK.sub(of_link, part)) for part in parts[::2]]
    return "".join(parts)


def on_config(config: Any) -> Any:
    """Headings' anchors as the tree's readers know them; all decisions in the navigation."""
    from pymdownx.slugs import slugify

    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    reference = next(section["Reference"] for section in config.nav if "Reference" in section)
    place = next(number for number, entry in enumerate(reference) if "adr/README.md" in entry.values())
    reference[place] = {"Decisions": ["adr/README.md", *decisions()]}
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages from elsewhere, and the pictures that tests have made."""
    from mkdocs.structure.files import File

    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for path in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"pictures/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """A page as the site shows it."""
    place = page.file.src_uri
    source = next((file for file, made in ELSEWHERE.items() if made == place), f"docs/{place}")
    text = MERMAID.sub("", markdown)
    text = INFO.sub(r"```\1", text)
    text = linked(text, source, place)
    if "<!-- commands -->" in text:
        text = text.replace("<!-- commands -->", commands())
    listed = "\n".join(f"- [{title(one)}]({one.removeprefix('adr/')})" for one in decisions())
    text = text.replace("<!-- decisions -->", listed)

    def shown(found: re.Match[str]) -> str:
        there = f"pictures/{found[1]}.png"
        if not files.get_file_from_path(there):
            if PICTURES.exists():
                LOG.warning("%s: no test made the picture %s", place, found[1])
            return ""
        path = relpath(there, dirname(place) or ".")
        return f'[![{found[2]}]({path}){{ width="600" }}]({path})'

    return PICTURE.sub(shown, text)
