"""Kinds of tables, one file each: what a kind shows its readers, opens, and tells whom (docs/adr/0018-table-kinds.md).

A new kind is a file here, with one object of `Kind`; it is found by itself. Nobody else asks for a kind by its name.
"""

from __future__ import annotations

from collections.abc import Collection

from mpcgov.errors import InternalError
from mpcgov.kinds import fitting, found
from mpcgov.kinds.kind import Computed, JobTable, Kind
from mpcgov.linked.facts import Linked
from mpcgov.spec.manifest import Manifest, Table

KINDS = found.kinds(__path__, __name__)

_BY_NAME = {kind.name: kind for kind in KINDS}


def of(table: Table) -> Kind:
    """The kind of a table.

    Raises:
        InternalError: there is none of that name; nothing is assumed of it.
    """
    return named(table.measure)


def named(name: str) -> Kind:
    """The kind of a name, as `of` has it."""
    if name not in _BY_NAME:
        raise InternalError(f"no kind of table is called {name}")
    return _BY_NAME[name]


def names() -> Collection[str]:
    """What there is for `measure` in a manifest."""
    return _BY_NAME.keys()


def of_manifest(manifest: Manifest) -> Collection[Kind]:
    """The kinds of a protocol's tables."""
    return [of(table) for table in manifest.tables.values()]


def faults(manifest: Manifest) -> list[str]:
    """What is wrong with a manifest's tables, by their kinds."""
    return fitting.faults(manifest, _BY_NAME)


def tables(linked: Linked) -> list[JobTable]:
    """The tables that a job's output may have, in the manifest's order."""
    return [table(linked, name) for name in linked.tables]


def table(linked: Linked, name: str) -> JobTable:
    """One of `tables`, by its name."""
    found = linked.tables[name]
    kind = of(found)
    return JobTable(linked, name, found, kind, f"{name}.{kind.number(found)}" if kind.counts else counting(linked))


def computed(linked: Linked, what: Computed) -> list[JobTable]:
    """Those for which the engine computes the same."""
    return [one for one in tables(linked) if one.kind.computed is what]


def counting(linked: Linked) -> str:
    """As `table.number`, the number of rows in each of a job's cells."""
    return next(f"{name}.{of(one).number(one)}" for name, one in linked.tables.items() if of(one).counts)
