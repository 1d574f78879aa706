"""Shells complete commands and options, by the lines that the docs tell people to write."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/operations.md"
LINE = re.compile(r"^    (.*_MPCGOV_COMPLETE=(bash|zsh|fish)_source.*)$", re.MULTILINE)
LINES = {shell: line for line, shell in LINE.findall(PAGE.read_text(encoding="utf-8"))}
ASKED = {
    "bash": "COMP_WORDS=(mpcgov node ba); COMP_CWORD=2; _mpcgov_completion mpcgov; echo ${COMPREPLY[@]}",
    "zsh": "echo $_comps[mpcgov]",  # which function completes; zsh shows what it finds only to a terminal
    "fish": "complete --do-complete 'mpcgov node ba'",
}
BEFORE = {"bash": "", "zsh": "autoload -U compinit; compinit -D; ", "fish": ""}


def answer(shell: str, words: str, place: str) -> str:
    """What mpcgov answers to a shell's own question."""
    environment = {**os.environ, "_MPCGOV_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": place}
    command = [sys.executable, "-m", "mpcgov"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_each_shell_gets_commands_and_options_in_its_own_form() -> None:
    assert answer("bash", "mpcgov node ba", "2") == "plain,backup\n"
    assert answer("zsh", "mpcgov node ba", "2").splitlines()[:2] == ["plain", "backup"]
    assert answer("fish", "mpcgov node ba", "ba").startswith("plain,backup\t")
    assert "plain,--profile\n" in answer("bash", "mpcgov simulate --p", "2")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_of_the_docs_sets_a_shell_up(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    command = tmp_path / "mpcgov"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mpcgov "$@"\n')
    command.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "dumb"}
    asked = f"{BEFORE[shell]}{LINES[shell]}\n{ASKED[shell]}"
    done = subprocess.run([shell, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == ("_mpcgov_completion" if shell == "zsh" else "backup")
