"""Whether the tables of a manifest can be computed, and together: asked when a protocol is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mpcgov.kinds.kind import Computed, Kind
from mpcgov.spec.manifest import OUTPUTS, Manifest, Table

OF_LINKS = frozenset(
    {Computed.MATCH_RATES, Computed.GROUP_QUALITY, Computed.DOUBTFUL, Computed.QUALITY, Computed.PROBABILITY}
)
"""What tells how good links are."""

_OF_CELLS = frozenset({Computed.CELLS, Computed.LINKS, *OF_LINKS})
"""What the engine computes of linked rows in one go; each of the rest goes by itself."""


def faults(manifest: Manifest, known: Mapping[str, Kind]) -> list[str]:
    """What is wrong with a manifest's tables."""
    tables = manifest.tables.items()
    unknown = [f"tables.{name}.measure: there is no {one.measure}" for name, one in tables if one.measure not in known]
    if unknown:
        return [f"{fault}; there are {', '.join(sorted(known))}" for fault in unknown]
    kinds = {name: known[one.measure] for name, one in tables}
    found = [fault for name, one in tables for fault in _of_table(manifest, name, one, kinds[name])]
    if len({_OF_CELLS if kind.computed in _OF_CELLS else kind.computed for kind in kinds.values()}) > 1:
        found.append("tables: cells, overlaps and a regression are computed by themselves; take a protocol for each")
    found += _of_counts(manifest, kinds)
    if "margins" in manifest.rules:
        found += _of_margins([kind for kind in kinds.values() if not kind.margins], len(kinds))
    return found


def _of_table(manifest: Manifest, name: str, table: Table, kind: Kind) -> Iterator[str]:
    if manifest.local not in kind.local:
        yield f"tables.{name}: {kind.name} is over {' or '.join(sorted(kind.local))}, not {manifest.local}"
    has = {param.kind for param in manifest.params.values()}
    if missing := sorted(kind.params - has):
        yield f"tables.{name}: {kind.name} needs a parameter of kind {' and '.join(missing)}"
    spans = [param for param, one in manifest.params.items() if one.kind in ("categories", "groups")]
    if kind.computed is Computed.CELLS and spans and table.by not in spans:
        yield f"tables.{name}.by: {kind.name} is by the columns of a parameter: {' or '.join(spans)}"
    if kind.computed is not Computed.CELLS and table.by is not None:
        yield f"tables.{name}.by: {kind.name} isn't by columns"


def _of_margins(without: Sequence[Kind], tables: int) -> Iterator[str]:
    if without:
        yield f"rules: {without[0].name} has no margins; leave them out"
    elif tables != 1:
        yield "rules: margins are of one table"


def _of_counts(manifest: Manifest, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """In every output just one table has the number of rows that decides about the others; of counts each has."""
    for output in OUTPUTS if manifest.compares else (None,):
        names = [name for name, one in manifest.tables.items() if not one.output or output in one.output]
        counting = [name for name in names if kinds[name].counts]
        if not counting or (len(counting) > 1 and manifest.local != "counts"):
            many = f"{' and '.join(counting)} do" if counting else "none does"
            yield f"tables: just one brings the number of rows in each cell that decides about the others; {many}"
