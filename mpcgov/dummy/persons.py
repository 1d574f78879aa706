"""What is true of made-up persons: one value each of what columns of several owners say of them.

Columns that a job compares, links by or blocks by say the same, whatever they are called; so do columns of one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mpcgov.dummy import texts
from mpcgov.dummy.coins import Coins
from mpcgov.spec.job import Job
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, Declaration, IntegerColumn, KeyColumn

Place = tuple[str, str]
"""A party and one of its columns."""

_STRIDE = 7_919_113
"""Prime, so that multiples of it run through all numbers of a range before one comes again."""
_LONG = 10_000
"""A range of more numbers than this is of amounts, of which most are far below the bound."""
_BORN = (date(1930, 1, 1), date(2024, 12, 31))


@dataclass(frozen=True)
class Attribute:
    """What some columns say of a person; `alone`: whether one of them names a person by itself."""

    name: str
    places: tuple[Place, ...]
    kinds: tuple[Column, ...]
    is_date: bool
    alone: bool


@dataclass(frozen=True)
class Persons:
    """So many persons, the same for the same seed."""

    seed: int
    count: int
    attributes: Mapping[Place, Attribute] = field(default_factory=dict)

    def coins(self, *of: object) -> Coins:
        """Coins for one thing, of this seed."""
        return Coins(self.seed, *of)

    def value(self, person: int, place: Place, kind: Column, copy: int) -> str:
        """A person's value in a column, as it is written in CSV; amounts differ from one of its rows to the next."""
        about = self.attributes[place]
        amount = isinstance(kind, IntegerColumn | DecimalColumn) and not about.alone
        coins = self.coins(about.name, person, copy if amount else 0)
        if about.is_date:
            return _written(_day(about, coins), kind, person)
        if isinstance(kind, CategoryColumn):
            values = _common(about) or kind.values
            return values[int(len(values) * coins.unit() ** 1.3)]
        if isinstance(kind, IntegerColumn | DecimalColumn):
            return _number(about, kind, coins, person)
        if isinstance(kind, KeyColumn) or about.alone:
            return _identifier(about, person)
        return texts.text(about.name, coins)


def attributes(job: Job, declarations: Mapping[str, Declaration]) -> dict[Place, Attribute]:
    """What each column of a job's data sets says."""
    names: dict[Place, str] = {}
    for group in _groups(job):
        some = [one for one in group if one[0] in declarations and one[1] in declarations[one[0]].columns]
        known = next((names[one] for one in some if one in names), some[0][1] if some else "")
        names |= dict.fromkeys(some, known)
    every = {(party, column): kind for party, one in declarations.items() for column, kind in one.columns.items()}
    for place in every:
        names.setdefault(place, place[1])
    alone = {(party, one[0]) for party, said in declarations.items() for one in said.unique if len(one) == 1}
    found: dict[Place, Attribute] = {}
    for name in dict.fromkeys(names.values()):
        places = tuple(place for place in every if names[place] == name)
        kinds = tuple(every[place] for place in places)
        dated = any(isinstance(kind, DateColumn) for kind in kinds) or (
            all(kind.kind == "text" for kind in kinds) and texts.is_birth_date(name)
        )
        about = Attribute(name, places, kinds, dated, any(place in alone for place in places))
        found |= dict.fromkeys(places, about)
    return found


def _groups(job: Job) -> Iterable[Sequence[Place]]:
    """Columns that say the same, since the job compares them."""
    keys = {party: part.key for party, part in job.parties.items() if part.key}
    for position in range(max(map(len, keys.values()), default=0)):
        yield [(party, key[position]) for party, key in keys.items() if position < len(key)]
    for param in ("fields", "blocks"):
        compared = job.params.get(param)
        for one in _flat(compared):
            columns = one.get("columns") if isinstance(one, Mapping) else None
            if isinstance(columns, Mapping):
                yield [(str(party), str(column)) for party, column in columns.items()]


def _flat(compared: Any) -> Iterable[Any]:
    """A list's items, and those of lists in it: passes of blocks."""
    for one in compared if isinstance(compared, list | tuple) else ():
        yield from one if isinstance(one, list | tuple) else (one,)


def _common(about: Attribute) -> tuple[str, ...]:
    lists = [kind.values for kind in about.kinds if isinstance(kind, CategoryColumn)]
    return tuple(value for value in lists[0] if all(value in one for one in lists)) if lists else ()


def _bounds(lows: Sequence[Any], highs: Sequence[Any]) -> tuple[Any, Any] | None:
    low, high = max(lows), min(highs)
    return (low, high) if low <= high else None


def _day(about: Attribute, coins: Coins) -> date:
    kinds = [kind for kind in about.kinds if isinstance(kind, DateColumn)]
    lows = [date.fromisoformat(kind.min) for kind in kinds] or [_BORN[0]]
    highs = [date.fromisoformat(kind.max) for kind in kinds] or [_BORN[1]]
    low, high = _bounds(lows, highs) or (lows[0], highs[0])
    return low + timedelta(days=int(((high - low).days + 1) * coins.unit()))


def _written(day: date, kind: Column, person: int) -> str:
    if isinstance(kind, DateColumn):
        inside = max(date.fromisoformat(kind.min), min(day, date.fromisoformat(kind.max)))
        return inside.isoformat()
    if isinstance(kind, IntegerColumn):
        return str(max(kind.min, min(day.year, kind.max)))
    if isinstance(kind, CategoryColumn):
        return kind.values[person % len(kind.values)]
    return day.strftime("%Y%m%d")


def _number(about: Attribute, kind: IntegerColumn | DecimalColumn, coins: Coins, person: int) -> str:
    places = kind.places if isinstance(kind, DecimalColumn) else 0
    low, high = _range(about, kind, places)
    span = high - low + 1
    if about.alone:
        steps = low + person * _STRIDE % span
    elif span <= _LONG * 10**places:
        steps = low + int(span * coins.unit())
    else:
        steps = low + min(span - 1, int(span / 100 * coins.amount()))
    return str(Decimal(steps).scaleb(-places)) if places else str(steps)


def _range(about: Attribute, kind: IntegerColumn | DecimalColumn, places: int) -> tuple[int, int]:
    """In steps of the column's own: what all owners' columns allow, or else this one."""
    others = [one for one in about.kinds if isinstance(one, IntegerColumn | DecimalColumn)]
    lows = [int(Decimal(one.min).scaleb(places).to_integral_value("ROUND_CEILING")) for one in others]
    highs = [int(Decimal(one.max).scaleb(places).to_integral_value("ROUND_FLOOR")) for one in others]
    own = (int(Decimal(kind.min).scaleb(places)), int(Decimal(kind.max).scaleb(places)))
    return _bounds(lows, highs) or own


def _identifier(about: Attribute, person: int) -> str:
    """Digits, none with leading zeros, which one owner may not have; different for different persons, as far as there
    are so many of the declared length."""
    length = next((kind.length for kind in about.kinds if isinstance(kind, KeyColumn) and kind.length), 9)
    return str(10 ** (length - 1) + person * _STRIDE % (9 * 10 ** (length - 1)))
