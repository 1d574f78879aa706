"""What somebody else on an agency's machine may try: plant modules; and what an intruder in a child may find."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from mpcgov.cli import dataset
from mpcgov.node.child import Child
from mpcgov.node.process import environment
from tests.patience import LONG_S

KINDS: tuple[Literal["read", "run"], ...] = ("read", "run")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that somebody else can write to, in which a command is run; its modules leave a mark when imported."""
    mark = tmp_path / "mark"
    (tmp_path / "mpcgov").mkdir()
    for name in ("numpy.py", "pyarrow.py", "mpcgov/__init__.py"):
        (tmp_path / name).write_text(f"open({str(mark)!r}, 'w')\nraise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    return mark


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_imports_nothing_from_the_folder_that_the_node_was_started_in(
    planted: Path, kind: Literal["read", "run"]
) -> None:
    async def spawn() -> None:
        child = await Child.start(kind)
        child.channel.close()
        await asyncio.wait_for(child.process.ended(), LONG_S)

    asyncio.run(spawn())
    assert not planted.exists()


def test_the_check_of_data_imports_nothing_from_the_folder_that_it_was_started_in(planted: Path) -> None:
    (planted.parent / "datasets.yaml").write_text("{}\n")
    assert dataset.judge(planted.parent / "datasets.yaml", None).faults == []
    assert not planted.exists()


def test_a_child_that_computes_has_no_thread_that_confinement_would_miss() -> None:
    code = "import os, mpcgov.worker.run; print(len(os.listdir('/proc/self/task')))"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=environment("run"), capture_output=True, text=True, check=True, timeout=LONG_S)
    assert done.stdout.strip() == "1"


def test_a_crash_leaves_no_core_dump_not_even_through_a_pipe() -> None:
    code = (
        "import ctypes, resource\nfrom mpcgov.process.memory import no_dumps\nno_dumps()\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LONG_S)
    assert done.stdout.strip() == "0 (0, 0)"


@pytest.mark.parametrize("module", ["mpcgov.worker.__main__", "mpcgov.worker.judge", "mpcgov.node.daemon"])
def test_whatever_holds_keys_rows_or_shares_begins_by_forbidding_dumps(module: str) -> None:
    entry = {"mpcgov.node.daemon": "serve"}.get(module, "main")
    forbids = {"mpcgov.worker.judge": "mpcgov.worker.answer"}.get(module, module)
    code = (
        f"import {module} as process, {forbids} as forbids, sys\n"
        "def stop():\n    print('forbidden')\n    sys.exit()\n"
        f"forbids.no_dumps = stop\nprocess.{entry}(*([None] if {entry!r} == 'serve' else []))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=LONG_S)
    assert (done.stdout, done.stderr) == ("forbidden\n", "")
