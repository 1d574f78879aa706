"""What each matcher of tags may learn of a unit in a data set, and has: a budget of its own, beside that of releases.

A matcher sees of each spoke how many keys match, with noise. The noise's coins follow from a secret of each owner's
node, what the job asks of its data set and the data set as it is (`docs/security/linkage.md`). So who asks the same of
the same data sees the same number, and is counted once; whatever else is asked has coins of its own, and adds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import sqlalchemy as sql
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.keys import Identity
from mpcgov.node.matcher_limits import Asked, Seen
from mpcgov.node.tables import LEDGER
from mpcgov.rules.privacy import number
from mpcgov.spec.ids import digest
from mpcgov.spec.load import canonical_json
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Proposal

COUNTS = ("reserved", "committed", "final")
_SEEN = sql.select(LEDGER.c.job, LEDGER.c.matchers).where(
    LEDGER.c.dataset == sql.bindparam("dataset"),
    LEDGER.c.state.in_(COUNTS),
    sql.cast(LEDGER.c.matchers, sql.Text) != "{}",  # most jobs have none
)


def kept(counts: Asked) -> dict[str, dict[str, Any]]:
    """What a job's line in the ledger says of its matchers: of each count its epsilon, and no coins yet."""
    return {
        matcher: {pair: {"epsilon": epsilon, "coins": None} for pair, epsilon in pairs.items()}
        for matcher, pairs in counts.items()
    }


def tossed(tx: sql.Connection, job: str, coins: Mapping[str, str]) -> None:
    """Takes down which coins a job's counts had, by pair of owners. Until then each counts as one of its own."""
    if not coins:
        return
    line = tx.execute(sql.select(LEDGER.c.matchers).where(LEDGER.c.job == job)).scalar_one_or_none() or {}
    for pairs in line.values():
        for pair in {*pairs} & {*coins}:
            pairs[pair]["coins"] = coins[pair]
    tx.execute(sql.update(LEDGER).where(LEDGER.c.job == job).values(matchers=line))


def seen(tx: sql.Connection, dataset: str, but: str | None = None) -> dict[str, Fraction | None]:
    """What each matcher has learned of a key of a data set, over all jobs that used it; `but`: that job left out."""
    counted: dict[str, dict[str, Fraction | None]] = {}
    for job, line in tx.execute(_SEEN, {"dataset": dataset}):
        for matcher, coins, epsilon in _counts(job, line) if job != but else ():
            counted.setdefault(matcher, {})[coins] = None if epsilon is None else Fraction(epsilon)
    return {
        matcher: None if None in every.values() else sum((one for one in every.values() if one), Fraction(0))
        for matcher, every in sorted(counted.items())
    }


def _counts(job: str, line: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Of each count its matcher, its coins, or what is as good as coins of its own, and its epsilon."""
    for matcher, pairs in line.items():
        if not isinstance(pairs, dict):  # as lines were kept before coins were derived
            yield matcher, job, pairs
            continue
        for pair, count in pairs.items():
            yield matcher, count["coins"] or f"{job} {pair}", count["epsilon"]


def said(learned: Seen) -> dict[str, str]:
    """The sums as people read them."""
    return {name: "unbounded" if total is None else number(total) for name, total in learned.items()}


def secret(identity: Identity, proposal: Proposal, manifest: Manifest, me: str, whole: str) -> str:
    """What the coins of our lists are made from, 32 bytes in hexadecimal digits: nobody else can tell them from random.

    It is the same whenever the same is asked of the same data, by the same code. Never if the rows could differ: they
    follow from what goes in. `whole` is the fingerprint of the data set, not of the rows that the job chose: that it is
    another one tells, of nobody in particular, that the data set as a whole has changed.
    """
    job = proposal.job
    part, declared = job.parties[me], proposal.declarations[me]
    chosen_by = declared.only(check.choosing_columns(job, manifest, me, declared))
    context = canonical_json(
        {
            "part": part.model_dump(mode="json"),
            "declared": chosen_by.model_dump(mode="json"),
            "whole": whole,
            "engine": registry.engine_digest(),
        }
    )
    raw = identity.signing_key.private_bytes_raw()
    info = b"mpcgov coins of matchers " + digest(context).encode()
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(raw).hex()
