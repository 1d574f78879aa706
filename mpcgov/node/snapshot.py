"""A copy of the node's SQLite database as of one moment, made beside its writers; and whether a copy is whole."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from mpcgov.errors import LocalError

FILE = "node.sqlite"
BUSY_S = 10.0


def take(database: Path, to: Path) -> None:
    """Copies a database that may be in use: what was committed before now, and nothing of what was deleted.

    Raises:
        LocalError: it can't be read, or there is no room.
    """
    try:
        # Never made by this: a home without a database has nothing to back up.
        where = f"{database.absolute().as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(where, uri=True, timeout=BUSY_S)) as connection:
            connection.execute("VACUUM INTO ?", (str(to),))
    except sqlite3.Error as error:
        why = error.sqlite_errorname if hasattr(error, "sqlite_errorname") else type(error).__name__
        raise LocalError(
            f"{database}: can't be copied ({why})", hint="is the disk full, or the file there?", code="backup"
        ) from None
    to.chmod(0o600)


def require_whole(database: Path) -> None:
    """Nothing, if a database is sound in itself.

    Raises:
        LocalError: it isn't.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            sound = connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
            sound = sound and not connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error:
        sound = False
    if not sound:
        raise LocalError(f"{database.name}: the database is damaged", hint="take another backup", code="backup")
