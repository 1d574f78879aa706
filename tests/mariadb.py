"""A MariaDB server of a test's own, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports

CANARY = "kanarienvogel"
"""The password, which nobody may see."""

_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


@dataclass(frozen=True)
class Server:
    """`url` is of a user who may only read the database `agency`."""

    url: str
    socket: Path

    @contextmanager
    def as_root(self, database: str = "agency") -> Iterator[Any]:
        """A cursor of who may write."""
        import pymysql

        connection = pymysql.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True)
        with connection, connection.cursor() as cursor:
            yield cursor


@contextmanager
def server() -> Iterator[Server]:
    """A server; the test is skipped where there is none to start."""
    pytest.importorskip("pymysql")
    # The first runs the third, which Debian keeps in another package.
    install, daemon, defaults = (
        shutil.which(name, path=_PLACES) for name in ("mariadb-install-db", "mariadbd", "my_print_defaults")
    )
    if install is None or daemon is None or defaults is None:
        pytest.skip("no MariaDB server here")
    folder = Path(tempfile.mkdtemp(prefix="mpcgov-mariadb-"))  # pytest's own folders are closed to other users
    # Of the servers' temporary tables some have the same names, which meet where two tests start one each.
    plain = ["--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}"]
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        plain.append("--user=nobody")
    (port,) = free_ports(1)
    found = Server(f"mysql://tester:{CANARY}@127.0.0.1:{port}/agency", folder / "s")
    process = None
    try:
        made = [install, *plain, "--auth-root-authentication-method=normal", "--skip-test-db"]
        done = subprocess.run(made, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        listens = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={found.socket}"]
        # Without a mode, so that dates such as 0000-00-00 can be stored: agencies have them.
        process = subprocess.Popen(
            [daemon, *plain, *listens, "--sql-mode="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _await(process, found.socket)
        with found.as_root("mysql") as cursor:
            cursor.execute("CREATE DATABASE agency CHARACTER SET utf8mb4")
            cursor.execute("CREATE USER tester IDENTIFIED BY %s", [CANARY])
            cursor.execute("GRANT SELECT ON agency.* TO tester")
        yield found
    finally:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(folder)


def _await(process: subprocess.Popen[bytes], socket: Path) -> None:
    """Until the server listens, which is when its socket is there."""
    while not socket.exists():
        if process.poll() is not None:
            pytest.skip("the MariaDB server doesn't start here")
        time.sleep(0.05)
