"""This party's share of the noise that a job asks for: drawn before anything is known of the data, then dealt.

Every party that computes deals one, with its input. Drawing ends at a moment that only the job's public sizes decide,
so that nobody can tell from the clock what came out (Jin et al., IEEE S&P 2022).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mpcgov.jobs import noising
from mpcgov.linked import lengths
from mpcgov.mpc import SecretArray, Session, noise
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Proposal, ResultTable

SLOT_S = 0.05
SECONDS_PER_DRAW = 1e-6
"""More than a draw takes, and an entry of a table, on slow machines."""

Places = list[SecretArray]


class Noise:
    """The noise of a job, with our share of it. `dealt` gives everybody's sum.

    `more_rows`: how many rows more than it has an owner's list is said to have; 0 without noise.
    """

    def __init__(self, proposal: Proposal, manifest: Manifest, tables: tuple[ResultTable, ...], party: str) -> None:
        self._parties = proposal.parties
        self._honest = len(proposal.parties) - proposal.threshold
        self._laws = noising.laws(proposal.job, manifest, proposal.declarations, noising.names(tables))
        self._opened = {f"{table.name}.{one.name}": (one, table.rows) for table in tables for one in table.opened}
        self._own: dict[str, NDArray[np.int64]] = {}
        listed = manifest.linked and bool(self._laws) and party in proposal.declarations
        self._length = lengths.length_law(proposal.job, manifest) if listed else lengths.WHOLE
        self.more_rows = proposal.declarations[party].max_rows if listed else 0

    async def draw(self) -> None:
        """Draws our share, and returns at the end of a slot of time that is the same whatever came out."""
        if not self._laws:
            return
        started = time.monotonic()
        self._own = {
            name: noise.share(law, self._honest, self._opened[name][1]) for name, law in self._laws.items()
        }  # fmt: skip
        work = sum(law.most_steps() + self._opened[name][1] for name, law in self._laws.items())
        if self._length is not lengths.WHOLE:
            self.more_rows = noise.more_rows(self._length)
            work += self._length.shift
        slot_s = SLOT_S * math.ceil(work * SECONDS_PER_DRAW / SLOT_S)
        spent_s = time.monotonic() - started
        await asyncio.sleep(slot_s * math.ceil(spent_s / slot_s) - spent_s)

    def dealt(self, session: Session) -> dict[str, Places]:
        """By `table.number`, the sum of all parties' noise in each cell, in the number's places."""
        return {name: self._sum(session, name) for name in self._laws}

    def _sum(self, session: Session, name: str) -> Places:
        one, cells = self._opened[name]
        bound, own = self._laws[name].bound, self._own.pop(name)
        if one.places == 1:
            return [_summed(session, len(self._parties), own, cells, -bound, bound)]
        mask, last = (1 << one.radix_bits) - 1, one.places - 1
        result = []
        for place in range(one.places):
            digits = (own + bound) >> min(63, place * one.radix_bits)
            most = 2 * bound >> (place * one.radix_bits)
            if place < last:
                digits, most = digits & mask, min(most, mask)
            result.append(_summed(session, len(self._parties), digits, cells, 0, most))
        return result


def _summed(session: Session, parties: int, own: NDArray[np.int64], cells: int, low: int, high: int) -> SecretArray:
    """The sum of what all parties deal."""
    me = session.config.me
    dealt = [
        session.input(own if party == me else None, party, cells, low, high) for party in range(parties)
    ]  # fmt: skip
    return sum(dealt[1:], start=dealt[0])


def onto(sums: Mapping[str, Places], dealt: Mapping[str, Places]) -> dict[str, Places]:
    """Sums, place by place, with the noise on those that get some."""
    return {
        name: [place + more for place, more in zip(places, dealt[name], strict=True)] if name in dealt else places
        for name, places in sums.items()
    }


def added(
    counts: Mapping[str, SecretArray], dealt: Mapping[str, Places], tables: tuple[ResultTable, ...]
) -> dict[str, SecretArray]:
    """Tables of counts with the noise on them."""
    names = {table.name: f"{table.name}.{table.opened[0].name}" for table in tables}
    return {
        name: cells + dealt[names[name]][0] if names.get(name) in dealt else cells for name, cells in counts.items()
    }  # fmt: skip
