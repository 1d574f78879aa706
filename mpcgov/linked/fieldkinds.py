"""Whether two owners' columns can be compared as a job wants it, by what both declare: refused, or pointed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mpcgov.linked.compared import ComparedField
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, Declaration, IntegerColumn, KeyColumn

_UNFIT: Mapping[str, tuple[tuple[type[Column], ...], str]] = {
    "name": ((IntegerColumn, DecimalColumn, DateColumn), "a name's letters are compared and it has none"),
    "date": ((DecimalColumn,), "it holds no dates"),
    "number": ((DateColumn,), "compare it as a date"),
}
"""By type of field, the kinds that can't be compared so, and why."""
_COMPARED: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "name": (str.isalpha, "letters"),
    "date": (str.isdecimal, "digits"),
    "number": (str.isdecimal, "digits"),
}
"""By type of field, which characters are left to be compared."""


def _kinds(field: ComparedField, declarations: Mapping[str, Declaration]) -> dict[str, Column]:
    """The declared ones, by `party.column`."""
    return {
        f"{party}.{name}": declarations[party].columns[name]
        for party, name in field.columns.items()
        if party in declarations and name in declarations[party].columns
    }


def faults(number: int, field: ComparedField, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    """What makes it senseless to compare a field's columns as they are."""
    kinds, place = _kinds(field, declarations), f"params.fields[{number}]"
    unfit, why = _UNFIT.get(field.type, ((), ""))
    for name, kind in kinds.items():
        if isinstance(kind, unfit):
            yield f"{place}: {name} is {'an' if kind.kind == 'integer' else 'a'} {kind.kind}, not a {field.type}: {why}"
    yield from _nothing_left(place, field, kinds)
    numeric = [kind for kind in kinds.values() if isinstance(kind, DecimalColumn | IntegerColumn)]
    if len({_places(kind) for kind in numeric}) > 1:
        yield f"{place}: numbers with different places are written differently, so never equal"
    texts = [name for name, kind in kinds.items() if not isinstance(kind, DateColumn)]
    if field.type == "date" and 0 < len(texts) < len(kinds):
        yield (
            f"{place}: {', '.join(texts)} isn't declared as a date and the other is: its digits "
            "may stand in another order; declare it kind: date, with date_format"
        )


def _nothing_left(place: str, field: ComparedField, kinds: Mapping[str, Column]) -> Iterator[str]:
    """Categories of none of whose values anything is compared: all records would lack the field."""
    kept, what = _COMPARED.get(field.type, (None, ""))
    for name, kind in kinds.items():
        if kept and isinstance(kind, CategoryColumn) and not any(map(kept, "".join(kind.values))):
            yield f"{place}: {name} is a category without {what}, by which a {field.type} is compared: take code"


def warnings(number: int, field: ComparedField, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    """Where values that mean the same may never be equal, as their owners declare them."""
    kinds, place = _kinds(field, declarations), f"params.fields[{number}]"
    if len(kinds) < len(field.columns):
        return
    both = " and ".join(kinds)
    if field.type == "date" and not any(isinstance(kind, DateColumn) for kind in kinds.values()):
        yield (
            f"{place}: {both} are compared by their digits: both owners must write day, month and year in the same "
            "order; sure are columns declared kind: date, with date_format"
        )
    lists = [{value.casefold() for value in kind.values} for kind in kinds.values() if isinstance(kind, CategoryColumn)]
    if len(lists) == len(kinds) and not set.intersection(*lists):
        yield f"{place}: {both} are declared without a value in common, so they are never equal; recode one of them"
    decimals = [isinstance(kind, DecimalColumn) and kind.places > 0 for kind in kinds.values()]
    dates = [isinstance(kind, DateColumn) for kind in kinds.values()]
    if field.type != "date" and (any(decimals) != all(decimals) or any(dates) != all(dates)):
        yield f"{place}: {both} are written differently, as one is declared {'a date' if any(dates) else 'a decimal'}"
    for name, kind in kinds.items():
        if isinstance(kind, KeyColumn) and (kind.zeros != "keep" or kind.normalise) and field.type in ("code", "text"):
            yield (
                f"{place}: {name}'s normalise and zeros are for keys and don't count here: case, accents and "
                "punctuation are left out anyway, leading zeros only by type number"
            )


def _places(kind: Column) -> int:
    return kind.places if isinstance(kind, DecimalColumn) else 0
