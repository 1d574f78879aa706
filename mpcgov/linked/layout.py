"""What a linked job opens, number by number, with bounds: known before anything is computed.

Numbers are integers in the columns' own steps, of few significant digits or with noise; receivers divide in the clear.
A sum that could reach 2^119 can't be computed and is refused here, before the start.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov import kinds
from mpcgov.kinds.kind import Computed, JobTable
from mpcgov.linked import released, wanted
from mpcgov.linked.facts import Linked
from mpcgov.rules import impossible
from mpcgov.spec.statement import ResultTable

LIMIT_BITS = 119
"""Every sum is below 2^119 in magnitude, so that a handful of words hold it."""


def tables(linked: Linked) -> tuple[ResultTable, ...]:
    """The layout of everything that the job releases."""
    result = []
    for one in kinds.tables(linked):
        opened = tuple(one.kind.opened(one))
        if opened:
            columns, domain = one.kind.span(one)
            found = ResultTable(name=one.name, columns=columns, domain=domain, opened=opened)
            if linked.job.disclosure.margins:
                said = impossible.of_declarations(linked.declarations)
                found = impossible.marked(found, linked.job, said, linked=linked.manifest.linked)
            result += [found, *(found.margins() if linked.job.disclosure.margins else ())]
    return tuple(result)


def kind_faults(linked: Linked) -> list[str]:
    """What the kinds of the job's tables can't be asked for; and what a kind opens that isn't computed, or that nothing
    decides about."""
    asked = [fault for one in kinds.tables(linked) for fault in one.kind.faults(one)]
    return asked or [fault for one in kinds.tables(linked) for fault in _unfounded(one)]


def _unfounded(one: JobTable) -> Iterator[str]:
    if one.kind.computed is not Computed.CELLS:
        return
    numbers, gates = wanted.numbers(one.linked), {one.counts, *wanted.gated(one.linked)}
    for number in one.kind.opened(one):
        name = f"{one.name}.{number.name}"
        if name not in numbers:
            yield f"table {one.name}: {one.kind.name} opens {number.name}, which isn't computed"
        elif (number.gate or name) not in gates:
            yield f"table {one.name}: {one.kind.name} opens {number.name}, and no number of rows decides about it"


def faults(linked: Linked) -> list[str]:
    """Tables that can't be of such a job, or would be too large, numbers that could be, and more numbers than the job
    allows for."""
    if found := kind_faults(linked):
        return found
    found = list(released.faults(linked))
    found += [
        f"table {table.name} would have {table.rows:,} cells; at most 1,000,000"
        for table in tables(linked)
        if table.rows > 1_000_000
    ]
    for name, one in wanted.by_name(linked).items():
        if (bits := one.largest.bit_length()) > LIMIT_BITS:
            table_name, _, sum_name = name.partition(".")
            found.append(
                f"table {table_name}: {sum_name} could reach 2^{bits}; at most 2^{LIMIT_BITS} can be computed: "
                "declare fewer max_rows, or a smaller range or fewer places for the measure"
            )
    return found
