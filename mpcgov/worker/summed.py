"""An owner's sums on their way from the child that reads data to the child that computes: what crosses, by name.

Apart from how they are added up, for that takes the engine that holds the rows, which the computing child never loads.
"""

from __future__ import annotations

from mpcgov.linked import sums
from mpcgov.linked.facts import Linked
from mpcgov.linked.sums import Sum
from mpcgov.linked.wanted import by_name
from mpcgov.worker.encode import Encoding, Field


def wanted(stacked: Linked) -> list[Sum]:
    """The sums that a job's tables need, each once, in an order that both children know."""
    return list(dict.fromkeys(by_name(stacked).values()))


def name(number: int, place: int) -> str:
    """The name of one place of the wanted sum with this number."""
    return f"s{number}_{place}"


def encoding(stacked: Linked, party: str) -> Encoding:
    """What crosses the pipe at one owner: every place of every wanted sum, for each cell."""
    rows, cells = stacked.declarations[party].max_rows, 1
    for column in stacked.asked.groups:
        cells *= len(stacked.levels(column))
    fields = []
    for number, one in enumerate(wanted(stacked)):
        low, high = sums.place_bounds(stacked, one, rows)
        fields += [Field(name(number, place), low, high) for place in range(one.places)]
    return Encoding(tuple(fields), cells)
