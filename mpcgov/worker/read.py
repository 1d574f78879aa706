"""The child that reads: source, local, encode. It reaches the agency's data and no peer, and runs no protocol code."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from io import BufferedIOBase
from pathlib import Path

from mpcgov import registry
from mpcgov.errors import DataError, InternalError, MpcgovError
from mpcgov.jobs import check
from mpcgov.linked.facts import Linked
from mpcgov.linked.stacked import Stacked
from mpcgov.process.control import Channel
from mpcgov.process.meter import Meter
from mpcgov.spec import where as language
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.condition import Expr
from mpcgov.spec.ids import digest
from mpcgov.spec.job import Part
from mpcgov.spec.load import canonical_json
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.order import OWN_READER, PLACE, WHOLE, Fault, Go, Order, Report
from mpcgov.spec.places import place
from mpcgov.spec.table import Dataset
from mpcgov.worker import compared, encode, expectations, keyed, local, quality, records, summed, sums, unique
from mpcgov.worker.fingerprint import fingerprints_of, unit_fingerprints
from mpcgov.worker.rows import Wanted, keyed_rows
from mpcgov.worker.source import Source, open_table

Write = Callable[[BufferedIOBase], None]
Chosen = tuple[Write, Collection[str], tuple[str, ...]]
"""What is to be handed on, the columns that its rows were chosen by, and notes for the agency's own people."""


def serve(control: socket.socket, order: Order, descriptors: list[int]) -> None:
    """Reads what the job needs into the pipe, and says on the control socket what went wrong, if anything.

    A failure leaves the pipe empty: the child that computes then tells the others 'data contract', and no more.
    """
    (pipe,) = descriptors
    meter = Meter("reader", "read")
    try:
        write, fingerprints, notes = _read(order)
        meter.enter("admit")
        if order.fingerprint and not _admitted(control, fingerprints):
            return
        meter.enter("hand over")
        with os.fdopen(pipe, "wb") as stream:
            write(stream)
        report = Report(event="done", notes=notes, steps=meter.steps())
    except MpcgovError as error:
        code = OWN_READER if isinstance(error, InternalError) else error.code
        report = Report(event="failed", fault=Fault.model_validate(error.to_json() | {"code": code}))
    except Exception as error:
        # The type only: an engine's message could hold a value.
        fault = InternalError(f"reading the data failed unexpectedly ({type(error).__name__})", code=OWN_READER)
        report = Report(event="failed", fault=Fault.model_validate(fault.to_json()))
    asyncio.run(Channel(control).send(report))


def _admitted(control: socket.socket, fingerprints: dict[str, str]) -> bool:
    """Tells the parent what data these are; whether it lets them be handed on."""

    async def ask() -> bool:
        channel = Channel(control)
        await channel.send(Report(event="read", fingerprints=fingerprints))
        return await channel.receive(Go) is not None

    return asyncio.run(ask())


def _read(order: Order) -> tuple[Write, dict[str, str], tuple[str, ...]]:
    """What is to be handed on, the fingerprints of the data that it was made from, if they are asked for, and notes."""
    job, party = order.proposal.job, order.party
    part, path = job.parties[party], Path(order.datasets or "")
    manifest = registry.read(Path(order.folder)).manifest
    used = check.used_columns(job, manifest, party)
    dataset = _declared(path, order, set(used))
    condition = None if part.where is None else language.parse(part.where)
    with open_table(dataset, part.dataset or "", path.parent, _opened(dataset, used, part)) as source:
        expectations.judge(source, dataset, path.parent)
        kinds = {"counts": _counts, "sums": _sums, "rows": _rows, "records": _records, "quality": _quality}
        write, needed, notes = kinds[manifest.local](order, manifest, source, condition)
        if not order.fingerprint:
            return write, {}, notes
        decides = {*(language.columns(condition) if condition else ()), *(needed if _drops(source) else ())}
        ordered = tuple(source.declaration.columns) if "first" in (part.duplicates or {}).values() else ()
        prints = fingerprints_of(source, _together(source, used, part, decides), ordered)
        prints[PLACE] = json.dumps(place(dataset.source, path.parent).texts)
        return write, prints | _units(source, part, condition) | _whole(order, manifest, source), notes


def _drops(source: Source) -> bool:
    return source.declaration.missing == "drop"


def _together(
    source: Source, used: Mapping[str, Collection[str]], part: Part, decides: Collection[str]
) -> Iterator[frozenset[str]]:
    """Sets of columns of which it matters what stands in one row: those that decide which rows a job chose, alone and
    with each column that it uses, that again beside the key or without one the groups, and all of them together.

    Two jobs that chose the same rows chose them by the same columns (`mpcgov.node.differencing`), so that both have the
    sets of what they use in common, and at least what decides.
    """
    if decides:
        yield frozenset(decides)
    computed = [name for name in source.declaration.columns if {*used.get(name, ())} - {"filter"}]
    beside = part.key or tuple(name for name in computed if "group" in used[name])
    for extra in ((), beside, used):
        yield from (frozenset({*decides, *extra, name}) for name in computed or decides)


def _units(source: Source, part: Part, condition: Expr | None) -> dict[str, str]:
    """Fingerprints of what the filter tests of everybody whom the data set has one row each about, chosen or not."""
    tested, found = language.columns(condition) if condition else frozenset[str](), dict[str, str]()
    for one in source.declaration.unique if tested else ():
        if part.key is None or {*one} <= {*part.key}:  # rows without a key are linked with none
            found |= unit_fingerprints(source, one, tested, everywhere=part.key is None)
    return found


def _whole(order: Order, manifest: Manifest, source: Source) -> dict[str, str]:
    """A fingerprint of what decides, of the whole data set, which keys there are; for jobs whose matcher counts."""
    if manifest.local != "rows" or order.proposal.job.linking.method != "matcher":
        return {}
    declaration = order.proposal.declarations[order.party]
    chosen_by = check.choosing_columns(order.proposal.job, manifest, order.party, declaration)
    return {WHOLE: digest(canonical_json(fingerprints_of(source, [chosen_by])))}


def _opened(dataset: Dataset, used: Collection[str], part: Part) -> set[str]:
    """The columns that are read: those that the job uses, and that the data set is judged or put in order by."""
    if "first" in (part.duplicates or {}).values():
        return set(dataset.columns)
    return {*used, *(name for one in dataset.unique for name in one), *dataset.expect.columns}


def _counts(order: Order, manifest: Manifest, source: Source, where: Expr | None) -> Chosen:
    unique.judge(source)
    domain = check.domain(order.proposal.job, order.proposal.declarations, manifest.spanned_by)
    counts, names = local.counts(source, domain.columns, where, _limit(order)), [name for name, _ in domain.columns]
    needed, most = local.needed(names, _limit(order)), source.declaration.max_rows  # the rows may go
    return lambda stream: encode.write_counts(stream, counts, most), needed, ()


def _sums(order: Order, manifest: Manifest, source: Source, where: Expr | None) -> Chosen:
    stacked = Stacked.of(order.proposal.job, manifest, order.proposal.declarations)
    unique.judge(source)
    numbers = sums.cell_sums(source, stacked, where, _limit(order))
    needed = local.needed(sums.used(stacked), _limit(order))
    return lambda stream: encode.write(stream, summed.encoding(stacked, order.party), numbers), needed, ()


def _rows(order: Order, manifest: Manifest, source: Source, where: Expr | None) -> Chosen:
    linked = Linked.of(order.proposal.job, manifest, order.proposal.declarations)
    part = linked.job.parties[order.party]
    wanted = Wanted.of(part, linked.asked.of(order.party), source.declaration)
    rows = keyed_rows(source, wanted, where)
    return lambda stream: keyed.write_rows(stream, keyed.encoding(linked, order.party), rows), wanted.needed, rows.notes


def _records(order: Order, manifest: Manifest, source: Source, where: Expr | None) -> Chosen:
    linked = Linked.of(order.proposal.job, manifest, order.proposal.declarations)
    unique.judge(source)
    found = compared.compared_records(source, linked, order.party, where)
    needed, encoding = compared.needed(linked, order.party), records.encoding(linked, order.party)
    return lambda stream: records.write_records(stream, encoding, found), needed, found.notes


def _quality(order: Order, manifest: Manifest, source: Source, where: Expr | None) -> Chosen:
    """Of all rows, as such a job has no filter."""
    stacked = Stacked.of(order.proposal.job, manifest, order.proposal.declarations)
    unique.judge(source)
    found = quality.states(source, [one.column if one.party == order.party else None for one in stacked.asked.quality])
    form = encode.states_encoding(len(found), source.declaration.max_rows)
    return lambda stream: encode.write(stream, form, {"count": found}), (), ()


def _limit(order: Order) -> local.AtMost | None:
    """How many rows of one unit are taken, where noise assumes a bound."""
    key, noise = order.proposal.job.parties[order.party].key, order.proposal.job.disclosure.noise
    return None if key is None or noise is None else local.AtMost(key, noise.bound)


def _declared(path: Path, order: Order, used: set[str]) -> Dataset:
    """The data set as its owner's file declares it now.

    Raises:
        DataError: it is no longer declared as everybody approved it.
    """
    name, approved = order.proposal.job.parties[order.party].dataset or "", order.proposal.declarations[order.party]
    dataset = load_datasets(path).root.get(name)
    if dataset is not None and order.assumed is not None:
        dataset = dataset.model_copy(update={"unique": (*dataset.unique, order.assumed)})
    if dataset is None or dataset.declaration.only(used) != approved.only(used):
        raise DataError(
            f"{path}: data set {name} is no longer declared as it was when the job was proposed",
            hint="submit the job again",
            code="declaration",
        )
    return dataset
