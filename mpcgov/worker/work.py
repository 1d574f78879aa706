"""What a job does between the reader's pipe and cleared tables: with counts of cells, or with rows to be linked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from math import comb
from types import MappingProxyType
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgov.jobs import check
from mpcgov.linkage import LinkedRecords, LinkedRows, OwnRecords, OwnRows
from mpcgov.linkage.sidebyside import Workers
from mpcgov.linkage.tags import Texts
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.linked.stacked import Stacked
from mpcgov.linked.taken import taken
from mpcgov.linked.wanted import by_name
from mpcgov.mpc import SecretArray, Session
from mpcgov.mpc.config import WORD_BITS
from mpcgov.mpc.digits import lifted_digits
from mpcgov.mpc.word.stream import private_key
from mpcgov.precision import Needs
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.order import Order
from mpcgov.spec.statement import ResultTable
from mpcgov.worker import clear, encode, keyed, noise, records, summed
from mpcgov.worker.clear import Cleared
from mpcgov.worker.held import hold
from mpcgov.worker.keyed import KeyedRows
from mpcgov.worker.program import Program, answer
from mpcgov.worker.records import Records

Counts: TypeAlias = NDArray[np.int64]
Sums: TypeAlias = dict[str, NDArray[np.int64]]
Local: TypeAlias = Counts | Sums | KeyedRows | Records


class Work(Protocol):
    """One kind of protocol's part of a job at one party.

    `secret`: of this job's list, for coins that are the same when its rows are; `coins`: what tells these from others.
    """

    tables: tuple[ResultTable, ...]
    value_bits: int
    needs: Needs
    noise: noise.Noise
    secret: bytes | None
    coins: dict[str, str]

    def __init__(self, order: Order, manifest: Manifest) -> None: ...

    def read(self, pipe: int) -> Local | None:
        """The reader's output; None if it failed, in which case it has told our parent why."""

    async def cleared(self, session: Session, program: Program, local: Local | None) -> dict[str, Cleared]:
        """The protocol's tables, fit to be opened."""


def work(order: Order, manifest: Manifest) -> Work:
    """What the job of an order has to do."""
    kinds: dict[str, type[Work]] = {
        "counts": CountsWork, "sums": SumsWork, "rows": LinkedWork, "records": RecordsWork,
        "quality": QualityWork,
    }  # fmt: skip
    return kinds[manifest.local](order, manifest)


class CountsWork:
    """Counts of each owner's rows in each cell."""

    def __init__(self, order: Order, manifest: Manifest) -> None:
        self._order, self._proposal = order, order.proposal
        self.tables = check.result_tables(self._proposal.job, manifest, self._proposal.declarations)
        self._names = tuple(manifest.tables)
        self.value_bits = WORD_BITS  # a number of rows has fewer, whatever is done with it
        self.needs = Needs(0, 0)
        self.noise = noise.Noise(self._proposal, manifest, self.tables, order.party)
        self.secret: bytes | None = None
        self.coins: dict[str, str] = {}

    def read(self, pipe: int) -> Counts | None:
        """See `Work`."""
        bound = self._proposal.declarations[self._order.party].max_rows
        with os.fdopen(pipe, "rb") as stream:
            return encode.read_counts(stream, self.tables[0].cells, bound)

    async def cleared(self, session: Session, program: Program, local: Local | None) -> dict[str, Cleared]:
        """See `Work`: every owner deals its counts."""
        inputs = {}
        for party in self._proposal.job.data_parties:
            bound = self._proposal.declarations[party].max_rows
            mine = local if party == self._order.party else None
            inputs[party] = session.input(mine, self._proposal.parties.index(party), self.tables[0].cells, 0, bound)
        dealt = self.noise.dealt(session)
        session.enter("compute")
        agencies = list(inputs.values())
        counts = dict.fromkeys(self._names, sum(agencies[1:], start=agencies[0]))
        returned = await answer(program, MappingProxyType(inputs), deepcopy(self._proposal.job.params))
        await hold(returned, {name: [count] for name, count in counts.items()})
        session.enter("clear")
        return self._cleared(noise.added(counts, dealt, self.tables), inputs)

    def _cleared(self, tables: Mapping[str, SecretArray], inputs: Mapping[str, SecretArray]) -> dict[str, Cleared]:
        job = self._proposal.job
        return clear.clear_counts(tables, job.disclosure, self.tables, inputs, job.receivers)


class QualityWork(CountsWork):
    """How complete columns are: each cell is of one owner's data set."""

    def read(self, pipe: int) -> Counts | None:
        """See `Work`."""
        form = encode.states_encoding(self.tables[0].cells, self._proposal.declarations[self._order.party].max_rows)
        with os.fdopen(pipe, "rb") as stream:
            found = encode.read_numbers(stream, form)
        return None if found is None else found["count"]

    def _cleared(self, tables: Mapping[str, SecretArray], inputs: Mapping[str, SecretArray]) -> dict[str, Cleared]:
        return clear.clear_columns(tables, self._proposal.job.disclosure)


class SumsWork:
    """Counts and sums of each owner's rows in each cell."""

    value_bits = WORD_BITS

    def __init__(self, order: Order, manifest: Manifest) -> None:
        self._order, self._proposal = order, order.proposal
        self._stacked = Stacked.of(self._proposal.job, manifest, self._proposal.declarations)
        self.tables = check.result_tables(self._proposal.job, manifest, self._proposal.declarations)
        self.needs = Needs(0, 0)
        self.noise = noise.Noise(self._proposal, manifest, self.tables, order.party)
        self.secret: bytes | None = None
        self.coins: dict[str, str] = {}

    def read(self, pipe: int) -> Sums | None:
        """See `Work`."""
        with os.fdopen(pipe, "rb") as stream:
            return encode.read_numbers(stream, summed.encoding(self._stacked, self._order.party))

    async def cleared(self, session: Session, program: Program, local: Local | None) -> dict[str, Cleared]:
        """See `Work`: every owner deals its sums, place by place; carries are taken up once they are added."""
        mine = local if isinstance(local, dict) else None
        inputs = {party: self._dealt(session, party, mine) for party in self._proposal.job.data_parties}
        dealt = self.noise.dealt(session)
        session.enter("compute")
        first, *others = inputs.values()
        own = {
            name: [sum((other[name][k] for other in others), start=place) for k, place in enumerate(places)]
            for name, places in first.items()
        }
        shown = {party: {name: list(places) for name, places in own.items()} for party, own in inputs.items()}
        await hold(await answer(program, shown, deepcopy(self._proposal.job.params)), own)
        found, wanted = noise.onto(own, dealt), by_name(self._stacked)
        whole = {
            name: lifted_digits(places, wanted[name].lift, wanted[name].radix_bits)
            if name in dealt
            else [place + wanted[name].lift for place in places]
            for name, places in found.items()
        }
        session.enter("clear")
        return clear.clear_linked(self._stacked, whole, inputs)

    def _dealt(self, session: Session, party: str, own: Sums | None) -> dict[str, list[SecretArray]]:
        """One owner's numbers, by `table.name`, place by place."""
        encoding, sender = summed.encoding(self._stacked, party), self._proposal.parties.index(party)
        mine = own if party == self._order.party else None
        shared = {
            field.name: session.input(
                None if mine is None else mine[field.name], sender, encoding.rows, field.low, field.high
            )
            for field in encoding.fields
        }
        numbers = {one: number for number, one in enumerate(summed.wanted(self._stacked))}
        return {
            name: [shared[summed.name(numbers[one], place)] for place in range(one.places)]
            for name, one in by_name(self._stacked).items()
        }


class LinkedWork:
    """Rows with keys, that are linked without anybody learning whose they are."""

    phase = "link"
    value_bits = WORD_BITS  # a number of more bits is computed in places of its own

    def __init__(self, order: Order, manifest: Manifest) -> None:
        self._order, self._proposal = order, order.proposal
        self._linked = Linked.of(self._proposal.job, manifest, self._proposal.declarations)
        self.tables = check.result_tables(self._proposal.job, manifest, self._proposal.declarations)
        self.needs = Needs(0, 0)
        if self._linked.asked.outcome is not None:
            parties, threshold = len(self._proposal.parties), self._proposal.threshold
            self.needs = model(self._linked).needs(comb(parties, threshold))
        self.noise = noise.Noise(self._proposal, manifest, self.tables, order.party)
        self.secret: bytes | None = None
        self.coins: dict[str, str] = {}
        self.workers: Workers | None = None

    def read(self, pipe: int) -> Local | None:
        """See `Work`."""
        with os.fdopen(pipe, "rb") as stream:
            return keyed.read_rows(stream, keyed.encoding(self._linked, self._order.party))

    async def cleared(self, session: Session, program: Program, local: Local | None) -> dict[str, Cleared]:
        """See `Work`: tags, lengths and shares are dealt as the program asks for sums or tables."""
        session.enter(self.phase)
        rows = self._linked_by(session, local)
        await hold(await answer(program, rows, deepcopy(self._proposal.job.params)), rows.computed)
        session.enter("clear")
        return clear.clear_linked(self._linked, rows.computed)

    def _linked_by(self, session: Session, local: Local | None) -> LinkedRows | LinkedRecords:
        """What the program works with."""
        own = None
        if isinstance(local, KeyedRows):
            columns = taken(self._linked, self._order.party, local.columns)
            secret = self.secret or private_key()
            noisy = self._proposal.job.disclosure.noise is not None
            more = self.noise.more_rows if noisy else local.listed - len(local)
            own = OwnRows(Texts(*keyed.bytes_of(local.keys)), columns, more, secret)
        engine, config, digest = session.words, session.config, self._proposal.job_digest
        rows = LinkedRows(engine, config, self._linked, digest, own, self.noise.dealt(session), self.workers)
        self.coins = rows.coins
        return rows


class RecordsWork(LinkedWork):
    """Records without a key, that are compared with each other without anybody seeing how alike they are."""

    phase = "compare"

    def read(self, pipe: int) -> Local | None:
        """See `Work`."""
        with os.fdopen(pipe, "rb") as stream:
            return records.read_records(stream, records.encoding(self._linked, self._order.party))

    def _linked_by(self, session: Session, local: Local | None) -> LinkedRows | LinkedRecords:
        own = None
        if isinstance(local, Records):
            fields = tuple(Texts(*keyed.bytes_of(field)) for field in local.fields)
            naming = None if local.identifiers is None else Texts(*keyed.bytes_of(local.identifiers))
            columns = taken(self._linked, self._order.party, local.columns)
            passes = len(self._linked.passes)
            listed, tagged = local.listed[:passes], sum(local.listed[passes:])
            own = OwnRecords(fields, naming, columns, local.blocks, listed, tagged, self.secret)
        return LinkedRecords(session.words, session.config, self._linked, self._proposal.job_digest, own)
