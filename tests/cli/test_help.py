"""The list of commands is the contract: what --help shows is compared with a file that reviewers read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mpcgov.cli.main import cli, run

GOLDEN = Path(__file__).parent / "golden"


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, command


LEAVES = dict(leaves(cli))


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert shown == (GOLDEN / "help.txt").read_text(encoding="utf-8")
    for path in LEAVES:
        assert f"  {' '.join(path)}" in shown


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_help_of_its_own_and_takes_v(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "-v, --verbose" in shown
    assert " ".join(str(LEAVES[path].help).split()) in " ".join(shown.split())


@pytest.mark.parametrize(
    "command",
    ["node init", "node serve", "node jobs", "node approve", "node reject", "node result", "node audit show",
     "node audit verify", "node doctor", "node dataset list", "node dataset check", "job plan", "job submit",
     "job list", "job status", "job cancel", "job result", "card", "consortium create", "consortium sign",
     "consortium join", "coordinator init"],
)  # fmt: skip
def test_commands_of_an_identity_take_its_home(command: str) -> None:
    assert "--home" in {option for param in LEAVES[tuple(command.split())].params for option in param.opts}


@pytest.mark.parametrize("command", ["demo", "simulate", "node result", "job submit", "job status", "job result"])
def test_commands_with_results_speak_json(command: str) -> None:
    assert "--json" in {option for param in LEAVES[tuple(command.split())].params for option in param.opts}


def test_help_loads_no_engine_no_network_and_no_data_library() -> None:
    code = (
        "import sys; from mpcgov.cli.main import run; run(['--help']); "
        "print(sorted({'mpyc', 'numpy', 'numba', 'duckdb', 'ibis', 'aiohttp', 'sqlalchemy', 'pydantic', 'rich'} "
        "& set(sys.modules)), file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stderr == "[]\n"


def test_a_job_file_that_cant_be_read_loads_nothing_and_starts_no_process(tmp_path: Path) -> None:
    code = (
        "import sys; from mpcgov.cli.main import run; print(run(['simulate', sys.argv[1], '--agencies', '.']), "
        "sorted({'numpy', 'pydantic', 'yaml', 'mpcgov.node'} & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert process.stdout == "2 []\n"
    assert process.stderr == f"mpcgov: {tmp_path}: can't be read (Is a directory)\n"


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    from mpcgov import __version__

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"mpcgov {__version__}\n"
