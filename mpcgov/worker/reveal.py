"""Hands out shares of cleared tables, and of nothing else.

Nothing is opened here: this party's shares go to its node, which signs them for each receiver that every agency
approved. A receiver needs all parties' shares; t of them tell nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from mpcgov import opening
from mpcgov.errors import Refused
from mpcgov.mpc import Session
from mpcgov.spec.statement import Layout
from mpcgov.worker.clear import Cleared


async def shares(session: Session, tables: Mapping[str, Cleared], layout: Layout) -> str:
    """This party's shares of the cleared tables, one after the other as `layout` says, in base64.

    Raises:
        Refused: something that disclosure control hasn't cleared, or that the layout doesn't name.
    """
    for name, table in tables.items():
        if not isinstance(table, Cleared):
            raise Refused(f"table {name}: hasn't been through disclosure control", code="uncleared")
    if list(tables) != [declared.name for declared in layout.tables]:
        raise Refused("the tables are not those that the manifest declares", code="uncleared")
    parts = []
    for declared in layout.tables:
        elements = await session.share_of(tables[declared.name].cells)
        if len(elements) != declared.cells:
            raise Refused(f"table {declared.name}: not the cells that the job declares", code="uncleared")
        parts.append(opening.to_bytes(elements.tolist(), layout.width_bytes))
    return base64.b64encode(b"".join(parts)).decode()
