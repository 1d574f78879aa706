"""MPyC's import: what refuses to run, and what it may not leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import LONG_S

ROOT = Path(__file__).parents[2]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MPYC_")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


@pytest.mark.parametrize("name", ["MPYC_NOPRSS", "MPYC_MIX32_64BIT", "MPYC_NOUVLOOP", "mpyc_noprss"])
def test_an_environment_that_would_change_the_engine_is_refused(name: str) -> None:
    done = python("-c", "import mpcgov.mpc", **{name: "1"})
    assert done.returncode != 0
    assert f"SpecError: environment variable {name}" in done.stderr


def test_optimised_python_is_refused() -> None:
    done = python("-O", "-c", "import mpcgov.mpc")
    assert done.returncode != 0
    assert "SpecError: the engine doesn't run under python -O" in done.stderr


def test_mpyc_imported_by_somebody_else_before_is_refused() -> None:
    done = python("-W", "ignore", "-c", "import sys; sys.argv = ['x']; import mpyc.runtime, mpcgov.mpc")
    assert done.returncode != 0
    assert "InternalError: MPyC was imported before" in done.stderr


def test_the_import_leaves_arguments_environment_logging_and_event_loop_alone() -> None:
    program = """
import asyncio, logging, os, sys
sys.argv = ["worker", "-M3", "--no-prss", "-V", "-H"]
def state():
    # Numba reads the place of its cache again whenever it compiles.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CACHE_")}
    return list(sys.argv), variables, list(logging.getLogger().handlers), logging.getLogger().level
before = state()
import mpcgov.mpc, mpcgov.mpc.runtime as runtime
assert before == state(), (before, state())
assert "Default" in type(asyncio.get_event_loop_policy()).__name__
logging.basicConfig(level=0, stream=sys.stdout)
runtime.MPYC.runtime.logging.info("a secret")
runtime.MPYC.finfields.logging.warning("a secret")
assert "mpyc.__main__" not in sys.modules
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_mpyc_has_no_pickle_left() -> None:
    program = """
import sys
import mpcgov.mpc, mpcgov.mpc.runtime as runtime
from mpcgov.errors import InternalError
for call in (runtime.MPYC.runtime.pickle.dumps, runtime.MPYC.runtime.pickle.loads):
    try:
        call(b"")
    except InternalError:
        continue
    sys.exit("pickle works")
"""
    assert python("-c", program).returncode == 0
