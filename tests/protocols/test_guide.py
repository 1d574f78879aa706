"""The guide for authors and the README's first job do what they say: blocks are files, commands run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mpcgov import protocol_check, registry
from mpcgov.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "protocols.md"
BLOCK = re.compile(r"<!-- file: ([^>]+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
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
    found = [registry.find(name).manifest for name in registry.names()]
    for manifest in found:
        (row,) = re.findall(rf"^\| `{manifest.local}` .*$", text, re.MULTILINE)
        assert [table.measure for table in manifest.tables.values() if f"`{table.measure}`" not in row] == []
    assert [heading for heading in protocol_check.HEADINGS if f"**{heading}.**" not in text] == []
