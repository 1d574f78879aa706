"""The ledger's lines as they are read from the node's database; what they mean is in `mpcgov.node.ledger`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import sqlalchemy as sql

from mpcgov import registry
from mpcgov.errors import MpcgovError
from mpcgov.linked import counted
from mpcgov.node import store
from mpcgov.node.differencing import Release
from mpcgov.node.facts import Line
from mpcgov.node.tables import LEDGER
from mpcgov.rules.privacy import Spend
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import parse_json
from mpcgov.spec.statement import Proposal

COUNTS = ("reserved", "committed", "final")
"""The states of lines that count."""

SNAPSHOT = sql.cast(LEDGER.c.snapshot, sql.Text).label("snapshot")
"""As it is written: that of a table which is asked for time and again is the same text each time, and is read once."""

COLUMNS = (*(LEDGER.c[name] for name in ("job", "release", "unit", "measure", "amount", "state", "at")), SNAPSHOT)
"""What a line is made of."""

_OF_DATASET = (
    sql.select(*COLUMNS)
    .where(LEDGER.c.dataset == sql.bindparam("dataset"), LEDGER.c.state.in_(COUNTS))
    .order_by(LEDGER.c.at, LEDGER.c.job)
)

RELEASE_LIMIT_BYTES = 64 << 20
KNOWN_LIMIT_BYTES = 64 << 10
"""Releases longer than this are read each time."""


def of_dataset(tx: sql.Connection, dataset: str) -> list[Line]:
    """The lines of a data set that count, oldest first."""
    return [_counted(tx, line_of(row)) for row in tx.execute(_OF_DATASET, {"dataset": dataset}).all()]


def _counted(tx: sql.Connection, line: Line) -> Line:
    """A line of an older version with how many numbers its job releases, as far as the stored job still says it."""
    if line.release is None or line.release.numbers is not None:
        return line
    try:
        envelope = parse_json(store.proposal(tx, line.job), Envelope, "proposal", RELEASE_LIMIT_BYTES)
        proposal = parse_json(envelope.body, Proposal, "proposal", RELEASE_LIMIT_BYTES)
        manifest = registry.manifest_of(proposal.job.protocol_name)
        numbers = counted.numbers(proposal.job, manifest, proposal.declarations)
    except MpcgovError:  # its protocol is gone, or its job is of a form that isn't read any more
        return line
    return replace(line, release=line.release.model_copy(update={"numbers": numbers}))


def _read(body: bytes) -> Release:
    """A release; one of an older version didn't say that nothing but its keys decides who is linked."""
    found = parse_json(body, Release, "ledger", RELEASE_LIMIT_BYTES)
    keyed = found.link == "none" or any(part.key is not None for part in found.parts)
    return found.model_copy(update={"links": ""}) if found.links is None and keyed else found


_known = functools.lru_cache(maxsize=500)(_read)
"""The same object for equal releases, which are most of them where a table is asked for time and again."""


@functools.lru_cache(maxsize=500)
def snapshot_of(written: str) -> Mapping[str, str]:
    """The fingerprints in a line of the ledger; the same object for equal ones."""
    return MappingProxyType(json.loads(written))


def line_of(row: Sequence[Any]) -> Line:
    """One of them, from a row that begins with `COLUMNS`."""
    job, body, unit, measure, amount, state, at, snapshot = row[: len(COLUMNS)]
    release = None if body is None else _known(body) if len(body) < KNOWN_LIMIT_BYTES else _read(body)
    spend = None if amount is None else Spend(unit, measure, Fraction(amount))
    return Line(job, release, spend, state, snapshot_of(snapshot), at)
