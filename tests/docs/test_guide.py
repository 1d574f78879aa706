"""The guide for authors and the README's first job do what they say: blocks are files, commands run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from mpcgov import kinds, registry
from mpcgov.cli.main import run
from mpcgov.protocol import check as protocol_check
from mpcgov.spec.manifest import Local

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "protocols.md"
BLOCK = re.compile(r"<!-- file: ([^>]+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
SHIPPED = (
    "data-quality", "joint-count", "joint-statistics", "joint-t-test", "linked-count", "linked-regression",
    "linked-statistics", "linked-t-test", "overlap", "record-linkage",
)  # fmt: skip
COMMAND = re.compile(r"^    mpcgov ([^#\n]+)", re.MULTILINE)


def write_files(text: str, folder: Path) -> None:
    for names, content in BLOCK.findall(text):
        for name in names.split(", "):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")


def test_the_readmes_first_job_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    write_files(text, tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    (command,) = [one.split() for one in COMMAND.findall(text) if one.startswith("simulate")]
    assert run(command) == 0
    (shown,) = re.findall(r"<!-- output -->\n```\n(.*?)```", text, re.DOTALL)
    assert capsys.readouterr().out == shown


def test_the_guides_protocol_is_complete_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    write_files(text, tmp_path)
    for agency, rows in (("tax", "North\n" * 9 + "South\n"), ("health", "North\nSouth\n")):
        (tmp_path / "agencies" / agency / "people.csv").write_text(f"region\n{rows}")
    monkeypatch.chdir(tmp_path)

    commands = [command.split() for command in COMMAND.findall(text)]
    assert [command[0] for command in commands] == ["protocol", "protocol", "simulate"]
    for command in commands:
        assert run([*command, *(["--json"] if command[0] == "simulate" else [])]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["tables"]["people"]["rows"] == [["North", 10], ["South", None]]


def test_the_guide_names_what_there_is() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    rows = re.findall(rf"^\| `({'|'.join(get_args(Local))})` .*\|(.*)\|$", text, re.MULTILINE)
    assert [local for local, _ in rows] == list(get_args(Local))
    named = {(name, local) for local, row in rows for name in re.findall(r"`(\w+)`", row)}
    shipped = {table.measure for name in SHIPPED for table in registry.find(name).manifest.tables.values()}
    assert named == {(name, local) for name in shipped for local in kinds.named(name).local}
    assert [heading for heading in protocol_check.HEADINGS if f"**{heading}.**" not in text] == []


EXCERPT = re.compile(r"<!-- from: ([^>]+) -->\n```python\n(.*?)```\n", re.DOTALL)


def test_what_the_guide_shows_of_a_kind_is_what_stands_there() -> None:
    excerpts = EXCERPT.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(excerpts) == 5
    assert [text for name, text in excerpts if text not in (ROOT / name).read_text(encoding="utf-8")] == []
