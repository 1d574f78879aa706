"""How jobs end at this node other than by a release: by its own failure, or by what another party says.

What can't be recorded hasn't happened: a job whose end the disk had no room for stays under way on record, and is ended
as soon as there is room. Every version of why a job ended goes on record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from mpcgov.errors import MpcgovError, PeerError, one_line
from mpcgov.lifecycle import TRANSITIONS, WAITING, Event
from mpcgov.node import peers, standing
from mpcgov.node.book import Book
from mpcgov.node.causes import HEARSAY, said
from mpcgov.node.peers import PeerClient
from mpcgov.node.run import GRACE_S, Ending, JobRun
from mpcgov.node.standing import EndNotice
from mpcgov.node.store import JobRow

TELL_S = 1.0

NO = {"deny": "denied", "reject": "rejected"}
"""What a party's own no is called where the others read of it."""

NO_CODES = {"policy", "rejected"}
"""What a no may be for: a policy, or a person. Nobody's data, and nobody's log, are found wanting by it."""

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Ends:
    """The ends of this node's jobs. `spawn` starts work in the background; `runs` are the jobs that are under way."""

    def __init__(self, book: Book, client: PeerClient, runs: Mapping[str, JobRun], spawn: Spawn) -> None:
        self._book = book
        self._client = client
        self._runs = runs
        self._spawn = spawn
        self._log = structlog.get_logger().bind(party=book.me)
        self._unrecorded: dict[str, Ending] = {}
        self._soon: set[tuple[str, str]] = set()
        self._versions: set[tuple[str, str]] = set()

    def heard(self, job: str, party: str, notice: EndNotice) -> None:
        """A party's word that the job has ended there, and why. It ends here too."""
        row, word = self._book.job(job), said(party, notice.reason, notice.code)
        if notice.event in NO:
            text = one_line(notice.reason) or "no reason given"
            word = PeerError(
                f"{NO[notice.event]} by {party}: {text}", code=notice.code if notice.code in NO_CODES else "told"
            )
        if job not in self._runs and row.state not in WAITING:
            self._keep_version(job, party, word)
        elif job in self._runs or word.code != HEARSAY:
            self._end(job, party, notice.event, word)
        elif (job, party) not in self._soon:
            # Whoever it is about may be about to say so.
            self._soon.add((job, party))
            self._spawn(self._end_later(job, party, notice.event, word), f"end {job}")

    async def failed(self, run: JobRun, end: Ending) -> None:
        """A job that was under way ended at this node; the others are told."""
        self._log.warning("job ended", job=run.job, reason=end.reason, detail=end.detail)
        try:
            row = self._record(run.job, end)
            for cause in run.heard:
                if cause.party:
                    self._keep_version(run.job, cause.party, cause.error)
        except MpcgovError as error:
            self._unrecorded[run.job] = end
            self._log.error("the end of a job can't be recorded", job=run.job, error=error.message)
        else:
            await asyncio.wait({self.tell(row)}, timeout=TELL_S)

    def settle(self, row: JobRow) -> None:
        """Ends a job that stands on record as under way and isn't: its end could not be recorded."""
        lost = Ending(Event.FAIL, f"{self._book.me}: its node lost the job", "", "stopped")
        self.tell(self._record(row.id, self._unrecorded.get(row.id, lost)))
        self._unrecorded.pop(row.id, None)

    def tell(self, row: JobRow) -> asyncio.Task[None]:
        """Tells the other parties how a job ended here; returns at once."""
        return self._spawn(self._tell(row), f"tell {row.id}")

    async def _tell(self, row: JobRow) -> None:
        others = tuple(party for party in row.parties if party != self._book.me)
        end = standing.end(row)
        if end is not None:
            await peers.send_end(self._client, row.id, others, end)

    def _record(self, job: str, end: Ending) -> JobRow:
        return self._book.move(job, end.event, end.reason, detail=end.detail, code=end.code)

    async def _end_later(self, job: str, party: str, event: str, word: PeerError) -> None:
        try:
            await asyncio.sleep(GRACE_S)
            self._end(job, party, event, word)
        except MpcgovError as error:
            self._log.error("the end of a job can't be recorded", job=job, error=error.message)
        finally:
            self._soon.discard((job, party))

    def _end(self, job: str, party: str, event: str, word: PeerError) -> None:
        """Ends a job by a peer's word, if it hasn't ended."""
        row = self._book.job(job)
        if job in self._runs:
            self._runs[job].abort(word, party)
        elif row.state in WAITING:
            after = Event.ABORT if event == "abort" and Event.ABORT in TRANSITIONS[row.state] else Event.CANCEL
            self._book.move(job, after, word.message, code=word.code)
            self._log.info("job ended by a peer", job=job, peer=party, reason=word.message)

    def _keep_version(self, job: str, party: str, word: MpcgovError) -> None:
        """Another party's word on why a job ended goes on record, once, if it isn't what stands there."""
        if (job, party) not in self._versions and word.message not in self._book.job(job).reason:
            self._versions.add((job, party))
            self._book.note("ended elsewhere", job, party=party, reason=word.message, code=word.code)
