"""A Postgres server of a test's own, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports

CANARY = "kanarienvogel"
"""The password, which the server doesn't ask for and which nobody may see."""


@contextmanager
def server() -> Iterator[str]:
    """The URL of its database; the test is skipped where there is no server to start."""
    pytest.importorskip("psycopg")
    control = shutil.which("pg_ctl")
    if control is None or not hasattr(os, "geteuid"):
        pytest.skip("no Postgres server here")
    folder = Path(tempfile.mkdtemp(prefix="mpcgov-postgres-"))  # pytest's own folders are closed to other users
    run: dict[str, Any] = {"capture_output": True, "cwd": folder}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody")
        run["user"] = "nobody"
    (port,) = free_ports(1)
    options = f"-p {port} -h 127.0.0.1 -k '' -F"
    try:
        subprocess.run([control, "init", "-D", folder / "data", "-o", "-A trust -U tester"], check=True, **run)
        subprocess.run(
            [control, "start", "-w", "-D", folder / "data", "-l", folder / "log", "-o", options], check=True, **run
        )
        yield f"postgres://tester:{CANARY}@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([control, "stop", "-m", "immediate", "-D", folder / "data"], check=False, **run)
        shutil.rmtree(folder)
