"""What was released from this agency's data, and what that has cost: one line per job, in the node's database.

A line is *reserved* when all parties have approved, *committed* before the first byte that depends on data may leave,
*final* when the job has ended. What is committed counts for ever, also if the job fails: a peer may have seen enough by
then. What is only reserved when a job ends is void and counts no more. Lines change in the transaction of the audit
record of what they follow from, so neither is without the other.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import sqlalchemy as sql

from mpcgov import registry
from mpcgov.errors import MpcgovError, Refused
from mpcgov.keys import Identity
from mpcgov.lifecycle import State
from mpcgov.node import differencing, matcher_limits, matchers, questions, refusals, released_numbers, units
from mpcgov.node.facts import MOST_REFUSED, Balance, Line, View, alike
from mpcgov.node.lines import COLUMNS, SNAPSHOT, line_of, of_dataset, snapshot_of
from mpcgov.node.tables import BUDGETS, JOBS, LEDGER
from mpcgov.node.units import Register, Units
from mpcgov.rules import privacy
from mpcgov.rules.privacy import Spend
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.order import ROWS
from mpcgov.spec.statement import Proposal, job_id

DEFAULT_TOTALS = {"epsilon": Fraction(10), "rho": Fraction(1)}
"""What may be spent of a unit in a data set in all until its agency says otherwise."""

_OF: sql.BindParameter[str] = sql.bindparam("of")
# What each job asks and changes is put together once.
_SNAPSHOTS = sql.select(SNAPSHOT).where(LEDGER.c.dataset == _OF).order_by(LEDGER.c.at, LEDGER.c.job)
_LINE = sql.select(*COLUMNS, LEDGER.c.dataset, LEDGER.c.answers).where(LEDGER.c.job == _OF)
_ANSWERS = sql.select(LEDGER.c.answers).where(LEDGER.c.job == _OF)
_CHANGE = sql.update(LEDGER).where(LEDGER.c.job == _OF)
_SETTLE = _CHANGE.where(LEDGER.c.state == sql.bindparam("before"))
_EQUAL = (
    sql.select(LEDGER.c.job, LEDGER.c.dataset, LEDGER.c.snapshot)
    .join(JOBS, JOBS.c.id == LEDGER.c.job)
    .where(
        LEDGER.c.content == sql.bindparam("same"),
        LEDGER.c.job != _OF,
        LEDGER.c.answers.is_(None),
        LEDGER.c.stale.is_(False),
        LEDGER.c.state == "final",
        JOBS.c.state == State.RELEASED.value,
    )
    .order_by(LEDGER.c.at.desc(), LEDGER.c.job)
)


def view(tx: sql.Connection, proposal: Proposal, me: str, now: float) -> View:
    """The ledger as a decision about this job sees it; the job's own line left out."""
    dataset = proposal.job.parties[me].dataset if me in proposal.parties else None
    job, spend = job_id(proposal.job_digest), privacy.spend(proposal.job)
    lines = [line for line in ([] if dataset is None else of_dataset(tx, dataset)) if line.job != job]
    return View(
        earlier=tuple(line for line in lines if line.release is not None),
        jobs=sum(line.release is not None or line.spend is not None for line in lines),
        balance=None if spend is None or dataset is None else balance(tx, dataset, spend.unit, spend.measure, lines),
        answer=answer(tx, proposal),
        matched={} if dataset is None else matchers.seen(tx, dataset, but=job),
        asked=0 if dataset is None else questions.asked(tx, dataset, job, now),
        refused=0 if dataset is None else refusals.lately_or_next(tx, dataset, now),
        found={} if dataset is None else found_last(tx, dataset),
    )


def found_last(tx: sql.Connection, dataset: str) -> dict[str, str]:
    """What jobs, refused ones too, found out last about the persons of a data set, by fingerprints."""
    # What is found again later says no more than it did before.
    written = dict.fromkeys(reversed(tx.execute(_SNAPSHOTS, {"of": dataset}).scalars().all()))
    return units.latest(map(snapshot_of, reversed(written)))


def answer(tx: sql.Connection, proposal: Proposal) -> str | None:
    """The job that released the result of an equal one here, on data that aren't known to have changed."""
    found = tx.execute(_EQUAL, {"same": proposal.content_digest, "of": job_id(proposal.job_digest)})
    return next((row.job for row in found if row.dataset is None or units.comparable(row.snapshot)), None)


def balance(tx: sql.Connection, dataset: str, unit: str, measure: str, lines: Sequence[Line]) -> Balance:
    """What is left of one budget, given the data set's lines.

    A unit that the agency has set a total for has a budget of its own. A job names its unit as it likes, and another
    name must not be another budget: so all others share one, and have none once the agency has set any unit's.
    """
    mine = (BUDGETS.c.dataset == dataset, BUDGETS.c.unit == unit, BUDGETS.c.measure == measure)
    found = tx.execute(sql.select(BUDGETS.c.total).where(*mine)).scalar_one_or_none()
    known = units_set(tx, dataset)
    usual = DEFAULT_TOTALS[measure] if not known or unit in known else Fraction(0)
    total = usual if found is None else Fraction(found)
    spends = [line.spend for line in lines if line.spend is not None and line.spend.measure == measure]
    spent = sum((spend.amount for spend in spends if found is None or spend.unit == unit), Fraction(0))
    return Balance(dataset, unit, measure, total, spent)


def units_set(tx: sql.Connection, dataset: str) -> set[str]:
    """The units that the agency has set a total for."""
    return set(tx.execute(sql.select(BUDGETS.c.unit).where(BUDGETS.c.dataset == dataset)).scalars())


def epsilon_at(spends: Sequence[Spend], delta: float) -> float:
    """What all of them together tell of a unit, as the epsilon of (epsilon, delta)-differential privacy.

    As if all were zCDP: rho + 2·sqrt(rho·ln(1/delta)) (Bun and Steinke, TCC 2016, proposition 1.3); or the plain sum,
    where all are pure and that is less.
    """
    rho = float(sum((spend.as_rho for spend in spends), Fraction(0)))
    whole = rho + 2 * math.sqrt(rho * math.log(1 / delta))
    pure = [spend.amount for spend in spends if spend.measure == "epsilon"]
    return min(whole, float(sum(pure))) if len(pure) == len(spends) else whole


def notes(tx: sql.Connection, proposal: Proposal, me: str, register: Register, now: float) -> Iterator[str]:
    """What the person who says yes or no should know of the ledger, besides why people are asked (`asking`).

    Args:
        register: what our files say of the data set.
    """
    seen, dataset, spend = view(tx, proposal, me, now), proposal.job.parties[me].dataset, privacy.spend(proposal.job)
    if seen.answer is not None:
        yield f"job {seen.answer} asked the same: if all rows are as they were, its result is given again, at no cost"
    if dataset is not None and spend is None and seen.answer is None:
        yield from _of_numbers(proposal, me, seen, register)
    if seen.balance is not None and spend is not None and seen.answer is None:
        budget = seen.balance
        yield (
            f"takes {budget.measure} {privacy.number(spend.amount)} from the budget of a {budget.unit} in {dataset}; "
            f"{privacy.number(budget.left)} of {privacy.number(budget.total)} are left before it"
        )
    if seen.refused:
        yield (
            f"the data of {dataset} have ended {seen.refused} jobs within a day, or are about to: a word to the others "
            f"each time, so from {MOST_REFUSED} on a person decides"
        )
    if dataset is not None:
        for matcher, epsilon in matchers.said(matchers.seen(tx, dataset)).items():
            yield f"{matcher} has seen numbers of matches of {dataset} worth epsilon {epsilon} in earlier jobs"


def _of_numbers(proposal: Proposal, me: str, seen: View, register: Register) -> Iterator[str]:
    with suppress(MpcgovError):  # its protocol isn't here: denied for that already
        manifest = registry.manifest_of(proposal.job.protocol_name)
        yield from released_numbers.notes(proposal, manifest, me, seen, register)


def reserve(
    tx: sql.Connection,
    proposal: Proposal,
    me: str,
    manifest: Manifest,
    answers: str | None,
    now: float,
    made: Mapping[str, str] | None = None,
) -> None:
    """A line for a job that is about to start. One that is answered by an earlier result takes nothing.

    Until its rows are read, it goes by what was found out about the data set's persons before.

    Args:
        made: how the values of columns of ours are made.
    """
    dataset = proposal.job.parties[me].dataset
    spend = privacy.spend(proposal.job) if dataset is not None and answers is None else None
    exact = dataset is not None and answers is None and spend is None
    release = differencing.release(proposal, manifest, me, made).model_dump_json().encode() if exact else None
    line = {
        "job": job_id(proposal.job_digest),
        "content": proposal.content_digest,
        "dataset": dataset,
        "release": release,
        "unit": None if spend is None else spend.unit,
        "measure": None if spend is None else spend.measure,
        "amount": None if spend is None else str(spend.amount),
        "snapshot": {} if dataset is None else found_last(tx, dataset),
        "matchers": matchers.kept(matcher_limits.asked(proposal, manifest, me)) if answers is None else {},
        "state": "reserved",
        "answers": answers,
        "stale": False,
        "at": now,
    }
    tx.execute(sql.insert(LEDGER), line)


def admit(tx: sql.Connection, me: str, job: str, snapshot: Mapping[str, str], persons: Units) -> str | None:
    """Takes down what data a job has read. Returns a job beside which it may not stand with these.

    That is an earlier one over the same rows, if the data set has changed since in columns that both use, whichever
    rows these are; its result isn't given again from now on. Or it is one that shares no person with this one if, and
    only if, the data set is as it was. Columns that only one of the two used can't be compared.

    Args:
        persons: by what the data set tells persons apart.
    """
    row = tx.execute(_LINE, {"of": job}).one()
    tx.execute(_CHANGE, {"of": job, "snapshot": dict(snapshot)})
    own = line_of(row)
    read = replace(own, snapshot=snapshot)
    lines, same, meeting = of_dataset(tx, row.dataset), {row.answers, *questions.beside(tx, job)}, set[str]()
    for first, *more in alike(line for line in lines if line.job != job):
        jobs = {line.job for line in (first, *more)}
        same |= jobs if _same_rows(me, own, first) else set()
        meeting |= jobs if units.meets(me, own, read, first, persons) else set()
    for line in lines:
        if line.job in same and changed(line.snapshot, snapshot):
            tx.execute(_CHANGE, {"of": line.job, "stale": True})
            return line.job
        if line.job in meeting:
            return line.job
    return None


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether a data set has changed between two jobs, in what both have read of it."""
    return any(then[name] != now[name] for name in _of_rows(then) & _of_rows(now))


def _of_rows(snapshot: Mapping[str, str]) -> set[str]:
    return {name for name in snapshot if name.startswith(ROWS)}


def _same_rows(me: str, a: Line, b: Line) -> bool:
    return a.release is not None and b.release is not None and differencing.same_rows(me, a.release, b.release)


def commit(tx: sql.Connection, job: str) -> None:
    """From now on the job's line counts for ever.

    Raises:
        Refused: it has data and no fingerprint of them, or isn't reserved.
    """
    row = tx.execute(_LINE, {"of": job}).one_or_none()
    if row is None or row.state != "reserved" or (row.dataset is not None and not _of_rows(line_of(row).snapshot)):
        raise Refused(f"job {job}: not in this node's ledger as a job about to start", code="ledger")
    tx.execute(_CHANGE, {"of": job, "state": "committed"})


def doubt(tx: sql.Connection, job: str) -> None:
    """A receiver can't open the job's result: it counts as released, and isn't given again."""
    tx.execute(_CHANGE, {"of": job, "stale": True})


def settle(tx: sql.Connection, job: str) -> None:
    """The job has ended, one way or another: what was committed is spent, what was only reserved is free again."""
    for before, after in (("committed", "final"), ("reserved", "void")):
        tx.execute(_SETTLE, {"of": job, "before": before, "state": after})


def answers(tx: sql.Connection, job: str) -> str | None:
    """The earlier job whose result this one gives again; None if it has its own."""
    return tx.execute(_ANSWERS, {"of": job}).scalar_one_or_none()


def keyed(identity: Identity, dataset: str, fingerprints: Mapping[str, str]) -> Mapping[str, str]:
    """Fingerprints as they are kept: a bare one, of few rows or few values, could be guessed by whoever reads it.

    An empty one, which is equal to none, stays so.
    """
    key = identity.ledger_key
    return {
        name: hmac.digest(key, f"{len(dataset)}:{dataset}{len(name)}:{name}{value}".encode(), "sha256").hex()
        if value
        else ""
        for name, value in fingerprints.items()
    }
