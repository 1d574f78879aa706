"""Which numbers that say how good links are may be opened, decided on secret counts: bits, one for each number.

The rules are those of record-linkage's reference, in the same words. Nothing is opened here. In each of them nobody
looks as a few do.
"""

from __future__ import annotations

import functools
import itertools
import operator

import numpy as np

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linked.facts import Linked
from mpcgov.mpc import SecretArray, concatenate
from mpcgov.worker.divided import Found


def of_links(linked: Linked, found: Found, counts: SecretArray, least: int) -> dict[str, SecretArray]:
    """Of the tables that say how good the links are."""
    result: dict[str, SecretArray] = {}
    for one in kinds.tables(linked):
        if one.kind.computed is Computed.MATCH_RATES and linked.asked.report:
            result[f"{one.name}.records"] = of_match_rates(linked, found, one.name, least)
        elif one.kind.computed is Computed.GROUP_QUALITY and f"{one.name}.precision" in found:
            result[f"{one.name}.precision"] = of_match_rates(linked, found, one.name, least)
        elif one.kind.computed is Computed.DOUBTFUL and f"{one.name}.pairs" in found:
            result[f"{one.name}.pairs"] = _doubtful(found[f"{one.name}.pairs"][0], counts, least)
        elif one.kind.computed is Computed.QUALITY and linked.estimated:
            result[f"{one.name}.percent"] = (counts.sum() >= least) * np.ones(2 * (len(linked.owners) - 1), np.int64)
        elif one.kind.computed is Computed.PROBABILITY and f"{one.name}.links" in found:
            result[f"{one.name}.links"] = of_reached(found[f"{one.name}.links"][0], least)
    return result


def of_reached(links: SecretArray, least: int) -> SecretArray:
    """Numbers of links that are at least so probable, from all of them on: each is shown if it is enough, and enough
    fewer than the last that is. Whether a few links lie between two, or none, shows to nobody."""
    size, every = len(links), [links[place : place + 1] for place in range(len(links))]
    pairs = list(itertools.combinations(range(size), 2))
    enough = concatenate([*every, *(every[first] - every[second] for first, second in pairs)]) >= least
    apart = {pair: enough[size + place : size + place + 1] for place, pair in enumerate(pairs)}
    shown = last = [enough[:1]]
    for place in range(1, size):
        near = [1 - last[earlier] * apart[earlier, place] for earlier in range(place)]
        now = enough[place : place + 1] * (1 - functools.reduce(operator.mul, near))
        shown, last = [*shown, now], [*(one * (1 - now) for one in last), now]
    return concatenate(shown)


def of_match_rates(linked: Linked, found: Found, name: str, least: int) -> SecretArray:
    """The owner of a column knows how many records are in its groups. A column's rates are shown if enough of each
    group are linked, and enough aren't: else none of them is, since the number of all links would tell the hidden one.
    A group without records has too few: else this would tell whether it has any."""
    records, matched = found[f"{name}.records"][0], found[f"{name}.linked"][0]
    enough = concatenate([matched, records - matched]) >= least
    fine = enough[: len(matched)] * enough[len(matched) :]
    shown, start = [], 0
    for column in linked.asked.report:
        stop = start + len(linked.levels(column))
        every = fine[start:stop].sum() >= stop - start
        shown.append(every * np.ones(stop - start, np.int64))
        start = stop
    return concatenate(shown)


def _doubtful(pairs: SecretArray, counts: SecretArray, least: int) -> SecretArray:
    """Pairs below the threshold, and those above it, of which the other links must be enough."""
    above = pairs[1:2]
    return concatenate([pairs[0:1] >= least, (above >= least) * (counts - above >= least)])
