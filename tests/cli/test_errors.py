"""Every way in which a command can fail: one line, its exit status, JSON for programs, a trace only when asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mpcgov import errors, registry
from mpcgov.cli.main import run
from mpcgov.cli.render import print_json
from mpcgov.errors import DataError, InternalError, MpcgovError, PeerError, Refused, SpecError

Output = pytest.CaptureFixture[str]
SECRET = "Anna Example earned 4242"


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: Any) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "exit_status"),
    [
        (InternalError("a"), 1),
        (SpecError(["a", "b"]), 2),
        (DataError("a"), 2),
        (Refused("a"), 3),
        (PeerError("a"), 4),
    ],
)
def test_each_kind_of_no_has_its_exit_status(
    error: MpcgovError, exit_status: int, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(registry, "names", raising(error))
    assert run(["protocol", "list"]) == exit_status
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"mpcgov: {error.line()}\n"


def test_a_failure_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(registry, "names", raising(Refused("tax: no\n\x1b[31mred", hint="ask them")))
    assert run(["protocol", "list"]) == 3
    assert capsys.readouterr().err == "mpcgov: tax: no  [31mred; ask them\n"


def test_programs_get_the_failure_as_json(capsys: Output, tmp_path: Path) -> None:
    assert run(["job", "result", "x", "--home", str(tmp_path), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert set(error) == {"error"}
    assert error["error"]["code"] == "home"
    assert set(error["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    "arguments", [["job", "result", "--json"], ["simulate", "--json"], ["demo", "--json", "--nope"]]
)
def test_a_wrong_command_line_is_one_line_and_exit_2(arguments: list[str], capsys: Output) -> None:
    assert run(arguments) == 2
    output = capsys.readouterr()
    assert json.loads(output.out)["error"]["code"] == "usage"
    assert len(output.err.splitlines()) == 1
    assert f"try 'mpcgov {arguments[0]}" in output.err


@pytest.mark.parametrize("arguments", [[], ["job"], ["node", "audit"]])
def test_a_command_line_without_a_command_shows_what_there_is(arguments: list[str], capsys: Output) -> None:
    assert run(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"Usage: {' '.join(['mpcgov', *arguments])} ")


@pytest.mark.parametrize("verbose", [["-v"], ["--verbose"], []])
@pytest.mark.parametrize("before", [True, False])
def test_a_trace_is_shown_only_with_v_wherever_it_stands(
    verbose: list[str], before: bool, tmp_path: Path, capsys: Output
) -> None:
    command = ["job", "list", "--home", str(tmp_path)]
    assert run([*verbose, *command] if before else [*command, *verbose]) == 2
    assert ("Traceback" in capsys.readouterr().err) is bool(verbose)


def test_an_unforeseen_exception_shows_its_place_and_not_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(registry, "names", raising(RuntimeError(SECRET)))
    assert run(["protocol", "list", "--json"][:2]) == 1
    err = capsys.readouterr().err
    assert "a fault of mpcgov itself: RuntimeError at protocol.py:" in err
    assert "4242" not in err


def test_ctrl_c_ends_without_a_trace(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(registry, "names", raising(KeyboardInterrupt()))
    assert run(["protocol", "list"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_has_enough_is_no_failure(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        command = [sys.executable, "-m", "mpcgov", "protocol", "list"]
        process = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (process.returncode, process.stderr) == (0, b"")


def test_every_error_of_ours_has_an_exit_status_from_1_to_4() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MpcgovError)]
    assert len(kinds) >= 6
    assert {kind.exit_status for kind in kinds} == {1, 2, 3, 4}


def test_signs_that_steer_a_terminal_are_escaped_for_programs_too(capsys: Output) -> None:
    value = {"reason": "\x9b31m \x7f Tõnu"}
    print_json(value)
    text = capsys.readouterr().out
    assert text.rstrip("\n").isprintable()
    assert "Tõnu" in text
    assert json.loads(text) == value
