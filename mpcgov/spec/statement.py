"""The statements that parties sign: a proposal, an approval, a receipt, a share of a result."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from mpcgov.spec.assertion import Assertion
from mpcgov.spec.ids import Digest, JobId, PartyId, StreamDigest
from mpcgov.spec.job import Job
from mpcgov.spec.load import Frozen, canonical_json
from mpcgov.spec.table import Declaration

PROPOSAL_TYPE = "application/vnd.mpcgov.proposal+json"
APPROVAL_TYPE = "application/vnd.mpcgov.approval+json"
RECEIPT_TYPE = "application/vnd.mpcgov.receipt+json"
SHARE_TYPE = "application/vnd.mpcgov.share+json"
COMPLAINT_TYPE = "application/vnd.mpcgov.complaint+json"
HEAD_TYPE = "application/vnd.mpcgov.audit-head+json"
JOB_HEAD_TYPE = "application/vnd.mpcgov.job-head+json"

PROPOSAL_LIMIT_BYTES = 16 << 20
SHARE_LIMIT_BYTES = 256 << 20

Seconds = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""A point in time: whole seconds since 1970, UTC; to the end of the year 9999, where calendars end."""


class Proposal(Frozen):
    """A job with everything it depends on pinned: protocol version, roster, and each data set's declaration.

    `declarations` hold just the columns that the job uses, so that every party can check the whole job by itself.
    """

    format: Literal["mpcgov-proposal-1"] = "mpcgov-proposal-1"
    job: Job
    protocol_digest: Digest
    roster_digest: Digest
    threshold: Annotated[int, Field(ge=1)]
    declarations: dict[PartyId, Declaration]
    proposed_at: Seconds
    approve_before: Seconds
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

    @property
    def parties(self) -> tuple[str, ...]:
        """The computing parties in job order; position + 1 is a party's Shamir point."""
        return tuple(self.job.parties)

    @property
    def protocol(self) -> str:
        """The protocol as results name it: name@digest."""
        return f"{self.job.protocol_name}@{self.protocol_digest}"

    @cached_property
    def job_digest(self) -> str:
        """The SHA-256 of the proposal's canonical bytes: what every approval names."""
        return "sha256:" + hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()

    @cached_property
    def content_digest(self) -> str:
        """What two proposals of the same job have in common: all but when it was proposed and how long it may take."""
        job = self.job.model_dump(mode="json", exclude={"approve_within_h", "deadline_s"})
        asked = self.model_dump(mode="json", exclude={"job", "proposed_at", "approve_before", "nonce"})
        return "sha256:" + hashlib.sha256(canonical_json(asked | {"job": job})).hexdigest()

    def __copy__(self) -> Proposal:
        """A copy, in which something may be about to change: its digests are its own."""
        return self._undigested(super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Proposal:
        return self._undigested(super().__deepcopy__(memo))

    @staticmethod
    def _undigested(copied: Proposal) -> Proposal:
        for name in ("job_digest", "content_digest"):
            copied.__dict__.pop(name, None)
        return copied


def job_id(job_digest: str) -> str:
    """The short name under which people speak of a proposal: the first 60 bits of its digest in base 32.

    Nodes compare the whole digest; the short name only has to be handy.
    """
    text = base64.b32encode(bytes.fromhex(job_digest.removeprefix("sha256:")[:16])).decode().lower()
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}"


class Approval(Frozen):
    """One agency's yes to one proposal, under one policy, with one version of everything that will run.

    `answers`: an equal job that was released before, whose result this node would give again instead of a new one.
    `people`: the word of each person who said yes with a passkey.
    """

    job: JobId
    job_digest: Digest
    party: PartyId
    roster_digest: Digest
    protocol_digest: Digest
    engine_digest: Digest
    policy_digest: Digest
    approved_by: Literal["operator", "standing policy"]
    approved_at: Seconds
    expires_at: Seconds
    answers: JobId | None = None
    people: Annotated[tuple[Assertion, ...], Field(strict=False, max_length=10)] = ()


class Transcript(Frozen):
    """What one party says went over its stream to another: BLAKE3 of all frames sent, and of all received.

    Each direction's frames begin with 32 random bytes that only the two know, so that the hash tells nobody else
    anything of the rest.
    """

    sent: StreamDigest
    received: StreamDigest


class Receipt(Frozen):
    """One party's word that its part of a job is done: which job, its position, and the layout of what came out.

    `transcripts`: what went to and came from each other party; none if an earlier result is given again.
    """

    job_digest: Digest
    party: PartyId
    position: Annotated[int, Field(ge=0)]
    layout_digest: Digest
    transcripts: dict[PartyId, Transcript] = Field(default_factory=dict)


def transcript_conflict(receipts: Mapping[str, Receipt]) -> str | None:
    """Which two parties' receipts differ about what one sent the other; None if all agree.

    One of the two lies, or somebody changed what was between them: the receipts, signed, don't tell which.
    """
    for a, b in itertools.permutations(receipts, 2):
        sent, received = receipts[a].transcripts.get(b), receipts[b].transcripts.get(a)
        if (sent and sent.sent) != (received and received.received):
            return f"{a} and {b}: what {a} says it sent isn't what {b} says it received"
    return None


class Complaint(Frozen):
    """A receiver's word that the shares of a released result, which it holds as their parties signed them, don't agree.

    `shares`: the digest of each party's signed share as it came.
    """

    job: JobId
    job_digest: Digest
    receiver: PartyId
    shares: dict[PartyId, Digest]


class Head(Frozen):
    """How far a party's audit log goes: its last record's number and hash."""

    sequence: int = Field(ge=1, lt=2**63)  # as much as a database keeps
    hash: Digest


class JobHead(Frozen):
    """How far a party's audit log went when it was asked for what it has on record of a released job."""

    job_digest: Digest
    party: PartyId
    head: Head


class Opened(Frozen):
    """One number that is opened for each cell of a table: from `low` to `high`.

    It may be in several field elements, its `places`: place k counts 2^(k·radix_bits), all together `offset` too much.

    Without a gate it is a count, or the sentinel for a suppressed cell. `gate` names a count, as `table.name`, of the
    same domain or of a table with a single cell: where that is suppressed this number is 0 and means nothing.
    """

    name: str
    low: int
    high: int
    gate: str | None = None
    places: Annotated[int, Field(ge=1)] = 1
    radix_bits: Annotated[int, Field(ge=0)] = 0
    offset: Annotated[int, Field(ge=0)] = 0


class ResultTable(Frozen):
    """The layout of one released table: `opened` numbers for each cell, the cells in row-major order over `domain`.

    `columns` are those that readers see; not every one of them is opened as such. `margin_of`: the two-way table whose
    true totals these are. `impossible`: cells of a table with true totals in which nobody can be.
    """

    name: str
    columns: Annotated[tuple[str, ...], Field(strict=False)]
    domain: Annotated[tuple[Annotated[tuple[str, ...], Field(strict=False)], ...], Field(strict=False)]
    opened: Annotated[tuple[Opened, ...], Field(strict=False, min_length=1)]
    margin_of: str | None = None
    impossible: Annotated[tuple[int, ...], Field(strict=False)] = ()

    def margins(self) -> tuple[ResultTable, ...]:
        """The true totals of a two-way table of one number: of each row, of each column, and of all cells."""
        first, second, value = self.columns
        of_this = {"margin_of": self.name, "impossible": ()}
        return tuple(
            self.model_copy(update={"name": name, "columns": (*by, value), "domain": domain} | of_this)
            for name, by, domain in (
                (f"margins.{first}", (first,), self.domain[:1]),
                (f"margins.{second}", (second,), self.domain[1:]),
                ("margins", (), ()),
            )
        )

    @property
    def rows(self) -> int:
        """The cells that the domain spans."""
        return math.prod(len(values) for values in self.domain)

    @property
    def cells(self) -> int:
        """How many field elements are opened: all cells of the first number's first place, then of its second, …"""
        return self.rows * sum(one.places for one in self.opened)


class Layout(Frozen):
    """How the numbers of a result lie in its shares; the same at every party, known before anything is computed."""

    modulus: Annotated[str, Field(pattern=r"^[0-9]{1,80}$")]
    degree: Annotated[int, Field(ge=1)]
    tables: Annotated[tuple[ResultTable, ...], Field(strict=False)]

    @property
    def digest(self) -> str:
        """The SHA-256 of the layout's canonical bytes."""
        return "sha256:" + hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()

    @property
    def width_bytes(self) -> int:
        """Bytes per field element in `ResultShare.shares`."""
        return (int(self.modulus).bit_length() + 7) // 8

    @property
    def cells(self) -> int:
        """Field elements in a share: the numbers of all tables, one after the other."""
        return sum(table.cells for table in self.tables)


class Cost(Frozen):
    """What a party spent: seconds of its clock, rounds of communication, bytes it sent to others."""

    seconds: float
    rounds: int
    bytes_sent: int


class ResultShare(Frozen):
    """One party's Shamir share of a result, for one receiver. Any degree + 1 of them open it; all are checked.

    `shares`: field elements, little-endian, `layout.width_bytes` each, base64.
    """

    job: JobId
    job_digest: Digest
    party: PartyId
    receiver: PartyId
    point: Annotated[int, Field(ge=1)]
    layout: Layout
    shares: str
    cost: Cost
