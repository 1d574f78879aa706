"""What a job would open to whom, leak, need and cost; said before anyone is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mpcgov.coordinator.ledgers import forecasts, leaves
from mpcgov.coordinator.propose import Draft, first_cause
from mpcgov.errors import MpcgovError, PeerError, Refused
from mpcgov.jobs import accuracy, check
from mpcgov.linked import blocks, shards, stacked
from mpcgov.linked.cost import closing_cost, most, sort_rounds
from mpcgov.linked.facts import Linked
from mpcgov.linked.plan import link_plan
from mpcgov.linked.roundingcost import rounding_cost
from mpcgov.linked.sizes import padded_length
from mpcgov.linked.solving import stepped_rounds
from mpcgov.rules.protections import added_cost
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Declaration
from mpcgov.trust.client import Client

ASKED = 3
COMPARISON_ROUNDS = 4
"""Numbers are rounded while counts are compared, and what is compared decides which are shown: the longer counts."""
STEPPED_ROUNDS = 8
"""Of finding how wide the steps are of what goes to receivers that bring rows."""
MORE_PARTIES_ROUNDS, MORE_ROUNDING_ROUNDS = 5, 51
"""Of more than three parties' comparisons, and of their roundings to multiples."""
WORD_BYTES = 8
"""Of each party's share of the noise in a cell."""


@dataclass(frozen=True)
class PlannedTable:
    """A table that would be released: its columns and how many cells."""

    name: str
    columns: tuple[str, ...]
    cells: int


@dataclass(frozen=True)
class Plan:
    """A draft, and what follows from its protocol's manifest.

    `forecasts`: what each party's node would say. `leaves`: over which rows later tables can be.
    `roles`: who does what in a linked job, and why. `noise`: what it protects, and how far off it makes numbers.
    `rounds`: of communication; `bytes_per_party`: what each party sends to all others together; `memory_bytes`: what
    each holds of linked rows; `rtt_s`: there and back to the party that is farthest from the coordinator.
    """

    draft: Draft
    tables: tuple[PlannedTable, ...]
    forecasts: tuple[str, ...]
    leaves: tuple[str, ...]
    roles: tuple[str, ...]
    noise: tuple[str, ...]
    rounds: int
    bytes_per_party: int
    memory_bytes: int
    rtt_s: float

    @property
    def waits_s(self) -> float:
        """For how long parties that far apart wait for each other's messages: each round is on its way once."""
        return self.rounds * self.rtt_s / 2


async def plan(client: Client, draft: Draft) -> Plan:
    """What would happen; asks every party's node which version of the protocol it has, what it would say, and what
    matchers have seen.

    Raises:
        Refused: a node has another version than this disk.
        PeerError: a node can't be reached.
    """
    await _check_versions(client, draft)
    job, manifest = draft.job, draft.protocol.manifest
    released = check.result_tables(job, manifest, draft.declarations)
    tables = tuple(PlannedTable(table.name, table.columns, table.rows) for table in released)
    noise = accuracy.sentences(job, manifest, draft.declarations, released, draft.roster.threshold)
    roles = link_plan(job, manifest, draft.roster.threshold, draft.declarations).notes if manifest.linked else ()
    if manifest.linked and job.linking.method == "matcher":
        roles = (*roles, *await _seen_by_matchers(client, job))
    roles = (*roles, *_shards(job, manifest, draft.declarations))
    spent = job_cost(job, manifest, draft.declarations, draft.roster.threshold, bool(noise))
    said = await forecasts(client, draft)
    return Plan(draft, tables, said, leaves(job), roles, tuple(noise), *spent, await _rtt_s(client, draft))


def _shards(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> list[str]:
    """What there is to say of shards, if every owner's list is as long as its max_rows allows."""
    if not manifest.linked or manifest.compares:
        return []
    lengths = {party: padded_length(declarations[party].max_rows) for party in job.data_parties}
    said = shards.note(Linked.of(job, manifest, declarations), lengths)
    return [] if said is None else [said]


def job_cost(
    job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], threshold: int, noise: bool = False
) -> tuple[int, int, int]:
    """The rounds, the bytes that each party sends at most, and those that each holds of linked rows.

    Of linked jobs if every owner's list is as long as its max_rows allows.
    """
    tables = check.result_tables(job, manifest, declarations)
    facts = stacked.facts(job, manifest, declarations)
    cells = sum(table.cells for table in tables)
    rounding = job.disclosure.round_to is not None
    lists = [padded_length(declarations[party].max_rows) for party in job.data_parties] if manifest.linked else []
    linked = Linked.of(job, manifest, declarations) if manifest.linked else None
    divided = (1,) if linked is None else linked.block_counts
    rounds, bytes_per_party = cost(manifest, cells, len(job.parties), rounding, lists, noise, divided)
    deciding, more_bytes = added_cost(job, manifest, tables[0])
    factor = manifest.cost.more_parties_factor if len(job.parties) > 3 else 1
    bytes_per_party += (len(job.parties) - 1) * factor * more_bytes
    rounded, more_bytes = rounding_cost(facts, threshold)
    bytes_per_party += more_bytes
    if linked is None:
        return rounds + max(deciding, rounded), bytes_per_party, 0
    rounds += manifest.cost.rounds_per_owner * (len(job.data_parties) - 2)
    deciding += manifest.cost.rounds_left if job.linking.join == "left" else 0
    more_rounds, more_bytes = closing_cost(linked, threshold)
    deciding, bytes_per_party = deciding + more_rounds, bytes_per_party + more_bytes
    rounded += STEPPED_ROUNDS * bool(rounded and job.receiving_owners)
    rounds += max(deciding, rounded - COMPARISON_ROUNDS)
    if manifest.compares:
        return rounds, bytes_per_party, 0
    rounds += sort_rounds(linked) + stepped_rounds(linked)
    link = most(linked, threshold)
    return rounds + link.rounds, bytes_per_party + max(link.bytes_sent.values()), link.memory_bytes


def cost(
    manifest: Manifest, cells: int, parties: int, rounding: bool, lists: Sequence[int] = (), noise: bool = False,
    divided: Sequence[int] = (1,),
) -> tuple[int, int]:  # fmt: skip
    """The rounds, and the bytes that each party sends at most, by the manifest's formula.

    `lists`: the owners' padded lists, if each is as long as its max_rows allows. `divided`: into so many blocks in each
    pass.
    """
    formula = manifest.cost
    spokes = max(1, len(lists) - 1) if manifest.compares else 1
    turns = sum(blocks.turns(one, lists) for one in divided) * spokes
    passes = len(divided)
    rounds = formula.rounds + (turns - spokes) * formula.rounds_per_turn + (formula.rounds_rounding if rounding else 0)
    rounds += (MORE_PARTIES_ROUNDS + MORE_ROUNDING_ROUNDS * rounding) * (parties > 3)
    per_cell = formula.bytes_per_cell + (formula.bytes_per_cell_rounding if rounding else 0)
    per_cell += WORD_BYTES if noise else 0
    per_cell *= formula.more_parties_factor if parties > 3 else 1
    rows = sum(map(sum, blocks.spokes(lists)))
    linked = passes * formula.bytes_per_row * rows + formula.bytes_per_pair * blocks.planned_pairs(divided, lists)
    return rounds, (parties - 1) * (formula.bytes_fixed + per_cell * cells + linked)


async def _seen_by_matchers(client: Client, job: Job) -> list[str]:
    """What matchers have seen of the owners' data sets in earlier jobs, as far as their nodes can say."""
    parts = {party: str(job.parties[party].dataset) for party in job.data_parties}
    paths = {party: f"/v1/datasets/{dataset}/matchers" for party, dataset in parts.items()}
    answers = await asyncio.gather(
        *(client.request(party, "GET", path) for party, path in paths.items()), return_exceptions=True
    )
    return [
        f"{matcher} has seen numbers of matches of {party}'s {parts[party]} worth epsilon {epsilon} in earlier jobs"
        for party, answer in zip(parts, answers, strict=True)
        if isinstance(answer, Mapping) and isinstance(answer.get("matchers"), Mapping)
        for matcher, epsilon in answer["matchers"].items()
    ]


async def _check_versions(client: Client, draft: Draft) -> None:
    parties, protocol = list(draft.job.parties), draft.protocol
    path = f"/v1/protocols/{protocol.manifest.id}"
    answers = await asyncio.gather(*(client.request(party, "GET", path) for party in parties), return_exceptions=True)
    errors = [_version_error(party, answer, protocol.digest) for party, answer in zip(parties, answers, strict=True)]
    found = [error for error in errors if error is not None]
    if found:
        raise first_cause(found)


async def _rtt_s(client: Client, draft: Draft) -> float:
    """How long the farthest node takes to answer, the quickest of a few times, over connections that stand."""
    path = f"/v1/protocols/{draft.protocol.manifest.id}"

    async def one(party: str) -> float:
        start = time.monotonic()
        await client.request(party, "GET", path)
        return time.monotonic() - start

    return max([min([await one(party) for _ in range(ASKED)]) for party in draft.job.parties])


def _version_error(party: str, answer: object, expected: str) -> MpcgovError | None:
    if isinstance(answer, MpcgovError):
        return answer
    if isinstance(answer, BaseException):
        raise answer
    digest = answer.get("digest") if isinstance(answer, Mapping) else None
    if not isinstance(digest, str):
        return PeerError(f"{party}: answer: no digest of the protocol", code="answer")
    if digest != expected:
        return Refused(
            f"{party}: has another version of the protocol, {digest}; here it is {expected}",
            hint="all must have the same version",
            code="protocol",
        )
    return None
