"""What a job says of records that are compared: fields, threshold, what comes out, which columns identify records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar, get_args

from mpcgov.linked.blocks import MOST_PASSES, BlockColumn, BlockType
from mpcgov.linked.encoding import HUNDREDTHS, FieldType, Match
from mpcgov.linked.preparing import Step, steps
from mpcgov.linked.qualified import Qualified
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Output, Param

TYPES: tuple[FieldType, ...] = get_args(FieldType)
BLOCK_TYPES: tuple[BlockType, ...] = get_args(BlockType)
OUTPUTS: tuple[Output, ...] = get_args(Output)
MATCHES: tuple[Match, ...] = get_args(Match)

Kind = TypeVar("Kind", bound=str)

_FURTHER = frozenset({"prepare", "m"})
"""What may be said of a field beside type and columns."""

_PROBABILITY = re.compile(r"0\.[0-9]{1,3}\Z")
_THRESHOLD = re.compile(r"(0(\.[0-9]{1,2})|1(\.0{1,2})?)\Z")


@dataclass(frozen=True)
class ComparedField:
    """A field that both owners have: its type, by party the name of its column, and what prepares its values.

    `m`: how often it is equal in two records of one person, if the job says so.
    """

    type: FieldType
    columns: Mapping[str, str]
    prepare: tuple[Step, ...] = ()
    m: Fraction | None = None


def _fields(value: Any, place: str, param: Param, job: Job, faults: list[str]) -> tuple[ComparedField, ...]:
    found = _typed(value, place, param, job, faults, TYPES, _FURTHER)
    items = (
        value if isinstance(value, list) and len(value) == len(found) else [{} for _ in found]
    )  # else there are faults
    return tuple(
        ComparedField(
            type_,
            columns,
            steps(item["prepare"], f"{place}[{number}].prepare", type_, faults) if "prepare" in item else (),
            _probability(item["m"], f"{place}[{number}].m", param, job, faults) if "m" in item else None,
        )
        for number, (item, (type_, columns)) in enumerate(zip(items, found, strict=True))
    )


def _blocks(value: Any, place: str, param: Param, job: Job, faults: list[str]) -> tuple[tuple[BlockColumn, ...], ...]:
    """Of each pass its columns; a list of columns is one pass, a list of such lists several."""
    if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
        if len(value) > MOST_PASSES:
            faults.append(f"{place}: expected at most {MOST_PASSES} passes, found {len(value)}")
        found = tuple(_pass(one, f"{place}[{number}]", param, job, faults) for number, one in enumerate(value))
        if len({tuple((one.type, *one.columns.values()) for one in each) for each in found}) < len(found):
            faults.append(f"{place}: a pass stands twice")
        return found
    return (_pass(value, place, param, job, faults),)


def _pass(value: Any, place: str, param: Param, job: Job, faults: list[str]) -> tuple[BlockColumn, ...]:
    return tuple(BlockColumn(*found) for found in _typed(value, place, param, job, faults, BLOCK_TYPES))


def _typed(
    value: Any,
    place: str,
    param: Param,
    job: Job,
    faults: list[str],
    types: tuple[Kind, ...],
    further: frozenset[str] = frozenset(),
) -> list[tuple[Kind, dict[str, str]]]:
    """A list of types, each with a column of both owners; `further`: what else may be said of each."""
    if not isinstance(value, list):
        faults.append(f"{place}: expected a list of {param.kind}, such as {{type: {types[0]}, columns: {{tax: …, …}}}}")
        return []
    if not 1 <= len(value) <= param.max_items:
        faults.append(f"{place}: expected 1 to {param.max_items} {param.kind}, found {len(value)}")
    plain = [{k: v for k, v in one.items() if k not in further} if isinstance(one, dict) else one for one in value]
    each = [_one_typed(item, f"{place}[{number}]", job, faults, types) for number, item in enumerate(plain)]
    found = [one for one in each if one is not None]
    for party in job.data_parties:
        columns = [one[1][party] for one in found]
        if len(set(columns)) != len(columns):
            faults.append(f"{place}: a column of {party} stands twice")
    return found


def _one_typed(
    item: Any, place: str, job: Job, faults: list[str], types: tuple[Kind, ...]
) -> tuple[Kind, dict[str, str]] | None:
    if not isinstance(item, dict) or set(item) != {"type", "columns"}:
        faults.append(f"{place}: expected type and columns, and else only prepare and m of fields")
        return None
    type_, columns = item["type"], item["columns"]
    if type_ not in types:
        faults.append(f"{place}.type: expected {', '.join(types)}")
        return None
    if not _by_owner(columns, job):
        faults.append(f"{place}.columns: expected one column of each of {', '.join(job.data_parties)}")
        return None
    return type_, {party: columns[party] for party in job.data_parties}


def _by_owner(value: Any, job: Job) -> bool:
    """Whether it names a column of each owner."""
    named = isinstance(value, dict) and all(isinstance(text, str) and text for text in value.values())
    return named and set(value) == set(job.data_parties)


def _threshold(value: Any, place: str, _: Param, __: Job, faults: list[str]) -> Fraction | None:
    text = str(getattr(value, "source", value))
    if isinstance(value, bool) or not _THRESHOLD.match(text) or not Fraction(text):
        faults.append(f"{place}: expected a number from 0.01 to 1 with at most two decimal places, such as 0.65")
        return None
    return Fraction(int(Fraction(text) * HUNDREDTHS), HUNDREDTHS)


def _probability(value: Any, place: str, _: Param, __: Job, faults: list[str]) -> Fraction | None:
    text = str(getattr(value, "source", value))
    if isinstance(value, bool) or not _PROBABILITY.match(text) or not Fraction(text):
        faults.append(f"{place}: expected a number above 0 and below 1 with at most three decimal places, such as 0.95")
        return None
    return Fraction(text)


def _output(value: Any, place: str, _: Param, __: Job, faults: list[str]) -> Output | None:
    if value not in OUTPUTS:
        faults.append(f"{place}: expected {', '.join(OUTPUTS)}")
        return None
    return next(output for output in OUTPUTS if output == value)


def _match(value: Any, place: str, _: Param, __: Job, faults: list[str]) -> Match | None:
    if value not in MATCHES:
        faults.append(f"{place}: expected {', '.join(MATCHES)}")
        return None
    return next(match for match in MATCHES if match == value)


def _identify(value: Any, place: str, _: Param, job: Job, faults: list[str]) -> tuple[Qualified, ...]:
    if not _by_owner(value, job):
        faults.append(f"{place}: expected one column of each of {', '.join(job.data_parties)}")
        return ()
    return tuple(Qualified(party, value[party]) for party in job.data_parties)


READERS: Mapping[str, Callable[[Any, str, Param, Job, list[str]], Any]] = {
    "fields": _fields,
    "blocks": _blocks,
    "threshold": _threshold,
    "probability": _probability,
    "output": _output,
    "match": _match,
    "identify": _identify,
}
"""By kind of parameter: value, its place, the parameter, the job and the list of faults to what it says."""
