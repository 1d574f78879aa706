"""What a node, or the simulator, tells the two children of a job, and what they answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mpcgov.spec.ids import Digest, PartyId
from mpcgov.spec.link import KeyColumns
from mpcgov.spec.load import Frozen
from mpcgov.spec.statement import Cost, Layout, Proposal, Transcript

WHOLE = "whole data set"
"""Among the fingerprints that a child sends, the one of all rows, whichever the job chose."""

ROWS = "all rows"
"""The name of the fingerprint that is just the number of rows; with it begin those of columns of all of them."""

UNITS = "unit "
"""With this begin the names of fingerprints of what rows of the whole data set say of those whom they are about."""

PLACE = "place"
"""Among the fingerprints that a child sends, where the source is: see `mpcgov.spec.places`."""

CLUSTER = "cluster"
"""The code of a failure to have workers; where they are to come from is nobody else's business."""

OWN_READER = "reader"
"""The code of a failure of ours in the child that reads data: what went wrong there may hang on the data."""


class Order(Frozen):
    """One job for one party's children.

    `fingerprint`: whether the child that reads first says what data it has, and waits for `Go`.

    `datasets` is the path of the party's `datasets.yaml`, for the child that reads; None for a party without data.
    `folder` is the protocol's, for the child that runs. `binding` is a digest of everything that the parties' nodes
    agreed on besides the proposal (their approvals); the engine compares it before any key is made. `left_s` is what is
    left of the job's time. `assumed`: a set of columns that the data set is taken to be declared unique by, and judged
    by, in a simulation; nodes assume nothing. `workers`: of the descriptors that the child that computes gets the last
    ones are streams of so many workers; `part`: this is such a worker.
    """

    proposal: Proposal
    party: PartyId
    datasets: str | None
    folder: str
    binding: Digest
    left_s: Annotated[float, Field(gt=0)]
    fingerprint: bool = False
    assumed: KeyColumns | None = None
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    part: bool = False


class Placing(Frozen):
    """What is told to the process that places workers on a Dask cluster: for which order, at which scheduler, and where
    the cluster's certificate authority, this node's certificate for it and that one's key are."""

    order: Order
    scheduler: str
    files: Annotated[tuple[str, str, str], Field(strict=False)]


class Outcome(Frozen):
    """What came out at this party: its shares of the cleared cells, base64, `layout.width_bytes` each; and the cost.

    `transcripts`: what went to and came from each other party, as hashes.
    `coins`: by pair of owners, of which this party is one, what tells the coins of its list from those of other jobs.
    """

    layout: Layout
    shares: str
    cost: Cost
    coins: dict[str, str] = Field(default_factory=dict)
    transcripts: dict[PartyId, Transcript] = Field(default_factory=dict)


class Fault(Frozen):
    """An error as it crosses a process border; the fields of `MpcgovError.to_json`."""

    code: str
    message: str
    hint: str
    exit_status: Annotated[int, Field(ge=1, le=4)]


class Step(Frozen):
    """What a process of a job did for a while: `started_s` on this machine's monotonic clock; of `seconds` it computed
    for `cpu_s` and waited for others for `waited_s`."""

    at: Literal["node", "reader", "engine"]
    phase: Annotated[str, Field(max_length=40)]
    started_s: float
    seconds: Annotated[float, Field(ge=0)]
    cpu_s: Annotated[float, Field(ge=0)] = 0.0
    waited_s: Annotated[float, Field(ge=0)] = 0.0
    rounds: Annotated[int, Field(ge=0)] = 0
    bytes_sent: Annotated[int, Field(ge=0)] = 0


class Report(Frozen):
    """What a child says: `ready` waits for the parent's word that data may now be shared.

    `read`: what data were read, by fingerprints; it waits for the parent's word that they may be handed on. `notes`:
    what became of rows, in words for the agency's own people. `again`: a shard is done once more; the job's parties
    know `shard`, from 0, and whose workers `died`. `steps`: where its time went, for them as well.
    """

    event: Literal["phase", "read", "ready", "again", "done", "failed"]
    phase: str = ""
    fingerprints: dict[str, str] = Field(default_factory=dict)
    shard: int = 0
    died: tuple[PartyId, ...] = Field(default=(), strict=False)
    outcome: Outcome | None = None
    fault: Fault | None = None
    notes: tuple[str, ...] = Field(default=(), strict=False)
    steps: Annotated[tuple[Step, ...], Field(strict=False, max_length=1000)] = ()


class Go(Frozen):
    """The parent's word to a child that waits: what was `read` may be handed on; or the commit is durable, and what is
    `ready` may be shared.

    `secret`: of linked rows, what the coins that hide their number of matches are made from, or of compared records the
    keys of their filters; None if these needn't ever be the same again.
    """

    go: Literal[True] = True
    secret: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$", repr=False)] = None
