"""What was read of a node's database, for as long as the database says that nobody has changed anything.

A job's steps ask for the same few rows time and again, each time in a transaction that takes longer than its answer.
To ask whether there was any commit, of this process or another, takes a hundredth of that. Whoever is told of an
answer may rely on it as on one that was just read: another process may change it a moment later in either case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, suppress
from types import MappingProxyType
from typing import Any, TypeVar

import sqlalchemy as sql
import structlog

LIMIT = 100
"""So many answers are kept between two changes."""

T = TypeVar("T")


class Lookups:
    """The answers of one database.

    Args:
        changed: what to ask for a number that is another one after each commit of any other connection; None where
            nothing says so, and nothing is kept. It is asked on a connection of its own, which never writes.
    """

    def __init__(self, engine: sql.Engine, changed: str | None) -> None:
        self._engine = engine
        self._changed = changed
        self._connection: Any = None
        self._lock = threading.Lock()
        self._number: int | None = None
        self._answers: dict[Hashable, Any] = {}

    def answer(
        self, read: Callable[[], AbstractContextManager[sql.Connection]], find: Callable[..., T], *what: Hashable
    ) -> T:
        """What `find` finds of this in a consistent view, or found before if there was no commit since."""
        # What is read after the number was asked for is as new as the number says, or newer; never older.
        answers = self._since_the_last_change()
        if (find, what) in answers:
            kept: T = answers[find, what]
            return kept
        with read() as tx:
            found: T = _unchangeable(find(tx, *what))
        answers[find, what] = found
        return found

    def close(self) -> None:
        """Gives the connection back."""
        with self._lock, suppress(Exception):
            if self._connection is not None:
                self._connection.close()

    def _since_the_last_change(self) -> dict[Hashable, Any]:
        with self._lock:
            number = self._asked()
            if number is None or number != self._number or len(self._answers) >= LIMIT:
                self._number, self._answers = number, {}
            return self._answers

    def _asked(self) -> int | None:
        if self._changed is None:
            return None
        try:
            if self._connection is None:
                own = self._engine.raw_connection()
                own.detach()
                self._connection = own.dbapi_connection
            return int(self._connection.execute(self._changed).fetchone()[0])
        except Exception as error:  # whoever reads then hears what is wrong
            structlog.get_logger().debug("the database's changes can't be asked for", error=type(error).__name__)
            return None


def _unchangeable(found: Any) -> Any:
    """An answer as all get it who ask for it, whoever of them may have reason to change it."""
    if isinstance(found, dict):
        return MappingProxyType(found)
    return tuple(found) if isinstance(found, list) else found
