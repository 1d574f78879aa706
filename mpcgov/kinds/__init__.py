"""Kinds of tables, one file each: what a kind shows its readers, opens, and tells whom (docs/adr/0018-table-kinds.md).

A new kind is a file here and its name in KINDS. Nobody else should ask for a kind by its name.
"""

from __future__ import annotations

from collections.abc import Collection

from mpcgov.errors import InternalError
from mpcgov.kinds.coefficients import COEFFICIENTS
from mpcgov.kinds.correlation import CORRELATION
from mpcgov.kinds.count import COUNT
from mpcgov.kinds.doubtful import DOUBTFUL
from mpcgov.kinds.fit import FIT
from mpcgov.kinds.kind import Kind
from mpcgov.kinds.links import LINKS
from mpcgov.kinds.match_rate import MATCH_RATE
from mpcgov.kinds.overlap import OVERLAP
from mpcgov.kinds.statistics import STATISTICS
from mpcgov.spec.manifest import Manifest, Table

KINDS = (COUNT, OVERLAP, STATISTICS, CORRELATION, COEFFICIENTS, FIT, LINKS, MATCH_RATE, DOUBTFUL)

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


def of_manifest(manifest: Manifest) -> Collection[Kind]:
    """The kinds of a protocol's tables."""
    return [of(table) for table in manifest.tables.values()]
