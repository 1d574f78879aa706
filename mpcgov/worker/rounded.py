"""From secret sums to what is opened of them: numbers of few significant digits, rounded before anything is opened.

Sums of several words come as limbs, lifted, without their carries: nothing but what is made of them here leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcgov.disclosure import significant_bits
from mpcgov.linked import released, sides
from mpcgov.linked.facts import Linked
from mpcgov.linked.sums import Item, Sum
from mpcgov.linked.wanted import items
from mpcgov.mpc import SecretArray
from mpcgov.mpc.significant import Formed, significant_together
from mpcgov.mpc.whole import Limbs
from mpcgov.worker.divided import Found


def numbers(linked: Linked, found: Found) -> dict[str, list[SecretArray]]:
    """By `table.name`, the units and exponents of every number that the layout opens of measures and pairs.

    Leaks: nothing; see `mpc.significant`.
    """
    wanted = [(name, item, figure) for name, item in items(linked).items() for figure in released.opened(linked, item)]
    places: dict[Sum, Limbs] = {}
    for name, item, figure in wanted:
        for short in figure.sums:
            one = _sum(item, short)
            places[one] = _limbs(one, found[f"{name}.{short}"])
    made = {(figure.kind, figure.columns, item.n.owners): (item, figure) for _, item, figure in wanted}
    formed = []
    for item, figure in made.values():
        parts, least = tuple(places[_sum(item, short)] for short in figure.sums), figure.floor
        # what one row moves the figure by at most, of which its steps are several times as wide
        floor = None if least is None else _limbs(least, found[sides.name(least.columns, least.owners)])
        formed.append(Formed(parts, figure.low, figure.high, floor))
    bits = significant_bits(linked.job.disclosure.digits)
    opened = significant_together(formed, bits, released.step_bits(linked))
    known = dict(zip(made, opened, strict=True))
    result: dict[str, list[SecretArray]] = {}
    for name, item, figure in wanted:
        units, exponents = known[figure.kind, figure.columns, item.n.owners]
        result[f"{name}.{figure.name}.m"] = [units]
        result[f"{name}.{figure.name}.e"] = [exponents]
    return result


def _sum(item: Item, short: str) -> Sum:
    return item.n if short == "n" else item.sums[short]


def _limbs(one: Sum, places: Sequence[SecretArray]) -> Limbs:
    limbs = [place - one.lift for place in places] if one.lift else places
    return Limbs(limbs, one.radix_bits, one.low, one.high)
