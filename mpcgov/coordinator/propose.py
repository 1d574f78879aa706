"""A job file into a proposal: everything it depends on is fetched, checked and pinned before anyone is asked."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from mpcgov import registry
from mpcgov.clock import Clock
from mpcgov.errors import LocalError, MpcgovError, PeerError, SpecError
from mpcgov.jobs import check
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.job import Job
from mpcgov.spec.load import canonical_json, validate
from mpcgov.spec.manifest import Protocol
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration
from mpcgov.trust.client import Client


@dataclass(frozen=True)
class Draft:
    """A job that can run as written, and all that it depends on as of now; nothing was proposed yet."""

    job: Job
    protocol: Protocol
    roster: Roster
    roster_digest: str
    declarations: dict[str, Declaration]

    def proposal(self, clock: Clock) -> Proposal:
        """The draft as a statement that can be signed: new each time, so that a repeated job is another job."""
        now = int(clock.now())
        return Proposal(
            job=self.job.model_copy(update={"protocol": f"{self.job.protocol_name}@{self.protocol.digest}"}),
            protocol_digest=self.protocol.digest,
            roster_digest=self.roster_digest,
            threshold=self.roster.threshold,
            declarations=self.declarations,
            proposed_at=now,
            approve_before=now + self.job.approve_within_h * 3600,
            nonce=secrets.token_hex(16),
        )


async def draft(client: Client, joined: tuple[Envelope, Roster], job: Job) -> Draft:
    """Checks a job against its protocol, the consortium, and what the data parties declare.

    Raises:
        SpecError: the job can't run as written; with everything that is wrong.
        Refused: a party doesn't show the columns that the job uses.
        PeerError: a data party can't be reached.
    """
    envelope, roster = joined
    require_members(roster, job.parties)
    protocol = pinned_protocol(job)
    declarations = await _declarations(client, job, protocol)
    check.check_job(job, protocol.manifest, declarations, roster.threshold)
    return Draft(job, protocol, roster, envelope.digest, declarations)


def require_members(roster: Roster, parties: Mapping[str, object] | tuple[str, ...]) -> None:
    """Nothing, if all of them are parties of the consortium.

    Raises:
        SpecError: some aren't.
    """
    known = [card.id for card in roster.parties]
    unknown = [party for party in parties if party not in known]
    if unknown:
        raise SpecError(
            f"parties: {', '.join(unknown)}: not in the consortium",
            hint=f"its parties are {', '.join(known)}",
            code="job",
        )


def pinned_protocol(job: Job) -> Protocol:
    """The protocol that a job names, as it is on this disk.

    Raises:
        LocalError: there is none of that name, or the job pins another version.
    """
    protocol = registry.find(job.protocol_name)
    pin = job.protocol.partition("@")[2]
    if pin and pin != protocol.digest:
        raise LocalError(
            f"protocol {job.protocol_name}: the job pins {pin}, this disk has {protocol.digest}",
            hint="pin the version that the agencies have, or leave the digest out",
            code="protocol",
        )
    return protocol


def first_cause(errors: list[MpcgovError]) -> MpcgovError:
    """One error for several parties' answers: all their messages, and the status of the gravest kind of no."""
    for status in (3, 2, 4, 1):
        alike = [error for error in errors if error.exit_status == status]
        if alike:
            others = [error for error in errors if error.exit_status != status]
            text = "; ".join(error.message for error in (*alike, *others))
            return MpcgovError.from_json(alike[0].to_json() | {"message": text})
    raise ValueError("no errors")


async def _declarations(client: Client, job: Job, protocol: Protocol) -> dict[str, Declaration]:
    if faults := check.params_faults(job, protocol.manifest):
        raise SpecError(faults, code="job")
    asked = {party: sorted(check.used_columns(job, protocol.manifest, party)) for party in job.data_parties}
    fetches = (_declaration(client, party, str(job.parties[party].dataset), asked[party]) for party in asked)
    answers = await asyncio.gather(*fetches)
    errors = [answer for answer in answers if isinstance(answer, MpcgovError)]
    if errors:
        raise first_cause(errors)
    return {party: answer for party, answer in zip(asked, answers, strict=True) if not isinstance(answer, MpcgovError)}


async def _declaration(client: Client, party: str, dataset: str, columns: list[str]) -> Declaration | MpcgovError:
    body = canonical_json({"dataset": dataset, "columns": columns})
    try:
        answer = await client.request(party, "POST", "/v1/declarations", body)
        return validate(answer, Declaration, f"{party}: declaration of {dataset}")
    except SpecError as error:
        return PeerError(error.message, code="answer")
    except MpcgovError as error:
        return error
