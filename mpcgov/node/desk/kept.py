"""What takes long to work out from the ledger, kept until the ledger or a file that it follows from has changed.

For people's eyes only: a decision works everything out afresh.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import sqlalchemy as sql

from mpcgov.node.book import Book
from mpcgov.node.home import NodeHome
from mpcgov.node.tables import BUDGETS, LEDGER
from mpcgov.trust.consortium import ROSTER_FILE

AGE_S = 600.0
"""Some of it follows from the time of day, by days: older than this is worked out again."""

MOST = 100

Found = TypeVar("Found")


class Kept:
    """The last answers, each with the mark of what it follows from. No question is worked out twice at once."""

    def __init__(self, home: NodeHome, book: Book) -> None:
        self._home = home
        self._book = book
        self._found: dict[Hashable, tuple[Hashable, float, Any]] = {}
        self._busy: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Found]) -> Found:
        """The answer to a question; `make` works it out, and what that raises is raised, and not kept."""
        with self._book.view() as tx:
            mark = self._mark(tx)
        with self._lock:
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            known = self._found.get(key)
            if known is not None and known[0] == mark and time.monotonic() - known[1] < AGE_S:
                found: Found = known[2]
                return found
            found = make()
            with self._lock:
                while len(self._found) >= MOST:
                    oldest = next(iter(self._found))
                    del self._found[oldest]
                    self._busy.pop(oldest, None)
                self._found[key] = (mark, time.monotonic(), found)
            return found

    def _mark(self, tx: sql.Connection) -> Hashable:
        """Changes whenever the ledger does, or a file of the agency's does that decisions follow from."""
        lines = sql.select(LEDGER.c.state, LEDGER.c.stale, sql.func.count(), sql.func.max(LEDGER.c.at))
        found = tx.execute(lines.group_by(LEDGER.c.state, LEDGER.c.stale)).all()
        totals = tx.execute(sql.select(BUDGETS.c.dataset, BUDGETS.c.unit, BUDGETS.c.measure, BUDGETS.c.total)).all()
        files = (self._home.policy_path, self._home.datasets_path, self._home.path / ROSTER_FILE)
        stats = [path.stat() if path.exists() else None for path in files]
        written = tuple((one.st_mtime_ns, one.st_size, one.st_ino) if one else None for one in stats)
        return (tuple(sorted(map(tuple, found))), tuple(sorted(map(tuple, totals))), written)
