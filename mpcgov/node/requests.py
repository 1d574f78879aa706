"""Every request on record, floods in bounded space: the first of a kind at once, its repetitions as a number later."""

from __future__ import annotations

from mpcgov.node.book import Book

FLUSH_S = 60.0
KINDS_LIMIT = 1000
"""Kinds of requests told apart between two flushes; beyond that, the job they were about is left out."""

BETWEEN_NODES = {
    *(f"POST /v1/jobs/{{job}}/{word}" for word in ("approvals", "end", "head", "receipts", "turn")),
    "GET /v1/jobs/{job}/stream",
}
"""What nodes ask of each other in every job. What becomes of it is on record with the job, so these requests are put
down without theirs: else each job would wait for the disk time and again."""


class RequestLog:
    """Who asked for what, and what became of it: names, paths and codes, never contents."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._times: dict[tuple[str, str, str, str], int] = {}

    def record(self, caller: str, what: str, answer: str, job: str = "") -> bool:
        """Records a request; durable on return. False if its like was on record already and it is only counted.

        Args:
            caller: the member, or 'stranger'.
            what: method and route, without anything that the caller could vary at will.
            answer: 'ok' or an error's code.
            job: the id that was asked for; it goes on record if this node knows it.

        Raises:
            PeerError: nothing can be recorded; the caller must not be answered.
        """
        without = len(self._times) >= KINDS_LIMIT or (answer == "ok" and what in BETWEEN_NODES)
        if without or (job and self._book.find(job) is None):
            job = ""
        kind = (caller, what, answer, job)
        if kind in self._times:
            self._times[kind] += 1
            return False
        self._book.note("request", job, caller=caller, what=what, answer=answer)
        self._times[kind] = 1
        return True

    def flush(self) -> None:
        """Records how often each kind was repeated since the last time."""
        repeated = [[*kind, times] for kind, times in self._times.items() if times > 1]
        if repeated:
            self._book.note("requests repeated", counts=repeated)
        self._times.clear()
