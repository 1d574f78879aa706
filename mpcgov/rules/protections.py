"""The rules of disclosure control as a job states them: whether they make sense, suffice for a policy, and in words.

What they do to tables stands in `mpcgov/disclosure.py` in plain code, and in `mpcgov/worker/clear.py` on shares.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mpcgov.rules import privacy
from mpcgov.spec.impossible import described as described_cells
from mpcgov.spec.job import Disclosure, Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.policy import DatasetPolicy
from mpcgov.spec.statement import ResultTable

NO_DOMINANCE = (
    "no rule of dominance was asked for: a mean may be little more than the value of one large row, such as an "
    "enterprise's; disclosure.dominance, such as 10, hides those"
)

NO_PRECISION = (
    "nothing says how many links are right: where few are in both data sets, chance agreements may outnumber the true "
    "ones; try a higher threshold or more fields, and measure it on known pairs with simulate --truth"
)

MANY, FEW = 96, 8
"""More than MANY cycles are compared by twos, more than FEW by fours, and so many all at once."""

MAX_MARGIN_CELLS = 400
"""Which cells to hide beside the small ones is searched among all cycles: their number grows with the cells' square."""


def faults(job: Job, manifest: Manifest, threshold: int) -> list[str]:
    """What is wrong with the rules that a job asks for, before its tables are known."""
    rules = job.disclosure
    found = [f"disclosure.{rule}: {manifest.id} doesn't have it" for rule in rules.asked if rule not in manifest.rules]
    if rules.contributors is None or found:
        return found
    least, agencies = max(3, threshold + 2), len(job.data_parties)
    if rules.contributors < least:
        found.append(f"disclosure.contributors: at least {least}, so that two are left when {threshold} are taken out")
    if rules.contributors > agencies:
        found.append(
            f"disclosure.contributors: {rules.contributors} agencies must have min_count rows in each released cell, "
            f"and only {agencies} bring data"
        )
    return found


def margin_faults(table: str, extents: Sequence[int]) -> list[str]:
    """What is wrong with a table whose true totals are asked for, of columns with so many values each."""
    if len(extents) != 2:
        return [f"disclosure.margins: table {table} isn't a two-way table: `by` must name two columns"]
    if (cells := math.prod(extents)) > MAX_MARGIN_CELLS:
        return [f"disclosure.margins: table {table} has {cells:,} cells; at most {MAX_MARGIN_CELLS}"]
    return []


def added_cost(job: Job, manifest: Manifest, table: ResultTable) -> tuple[int, int]:
    """The rounds, and the bytes from each of three parties to each other one, that a table's rules take besides the
    threshold and rounding; as measured."""
    rules, known = job.disclosure, max(1, len(subtractors(job, manifest)))
    rounds, sent_bytes = (known - 1).bit_length(), 32 * (known - 1) * table.rows
    if rules.contributors is not None:
        rounds += 6
        sent_bytes += 16 * len(job.data_parties) * table.rows
    if rules.margins and rules.noise is not None:
        rounds += 26 if rules.noise.consistent else 16
        sent_bytes += 40 * table.rows
    elif rules.margins:
        cycles = math.prod(len(values) - 1 for values in table.domain)
        rounds += 15 + _least_rounds(cycles)
        sent_bytes += 36 * cycles * table.rows
    return rounds, sent_bytes


def _least_rounds(count: int) -> int:
    """Of finding the least of so many numbers, several at once: see `worker.tournament`."""
    rounds = 0
    while count > 1:
        size = 2 if count > MANY else 4 if count > FEW else count
        rounds, count = rounds + 5 + (size - 1).bit_length(), -(-count // size)
    return rounds


def floor_faults(
    rules: Disclosure, manifest: Manifest, allowed: DatasetPolicy, key: Collection[str] | None = None
) -> Iterator[str]:
    """What an agency's policy for a data set needs that the job's rules don't give, where the protocol has the rule.

    Args:
        key: the columns by which the job links the data set's rows, or counts those of one unit; None without any.
    """
    if rules.min_count < allowed.min_count:
        yield f"min_count {allowed.min_count}, the job says {rules.min_count}"
    elif rules.noise is None:
        yield from _rows_faults(rules.min_count, allowed, key)
    if rules.margins and rules.noise is None and not allowed.margins:
        yield "a job without true margins"
    for name, asked, least in (
        ("contributors", rules.contributors, allowed.contributors),
        ("dominance", rules.dominance, allowed.dominance),
    ):
        if least is not None and name in manifest.rules and rules.noise is None and (asked or 0) < least:
            yield f"{name} {least}, the job says {asked or 'none'}"


def _rows_faults(min_count: int, allowed: DatasetPolicy, key: Collection[str] | None) -> Iterator[str]:
    """Cells count rows, or keys, and one unit may have many: so many more must be in a cell."""
    for name, unit in allowed.rows_per_unit.items():
        one_each = key is not None and unit.key is not None and {*key} <= {*unit.key}
        if not one_each and min_count < (least := allowed.min_count * unit.rows):
            counted = "rows" if key is None else f"keys {', '.join(key)}"
            instead = "" if unit.key is None or key is None else f", or key {', '.join(unit.key)}"
            yield (
                f"min_count {least}{instead}: one {name} may have {unit.rows} {counted}, so a cell must hold as many "
                f"times {allowed.min_count}; the job says {min_count}"
            )


def subtractors(job: Job, manifest: Manifest | None) -> tuple[str, ...]:
    """The agencies without whose own rows a cell must hold enough: they bring rows that are added to others', and get
    the result. Noise doesn't need it, as what is left then is noisy."""
    added = manifest is not None and manifest.adds_up
    return job.receiving_owners if added and job.disclosure.noise is None and len(job.data_parties) > 1 else ()


def group_owners(job: Job, manifest: Manifest | None) -> tuple[str, ...]:
    """The agencies of whose own groups more cells are hidden where some are: they get the result, and may know the
    groups' sizes. A left join's first one has its groups closed in any case."""
    if manifest is None or not manifest.linked or job.disclosure.noise is not None:
        return ()
    grouped = any(param.kind == "groups" and job.params.get(name) for name, param in manifest.params.items())
    left = job.data_parties[:1] if job.linking.join == "left" else ()
    return tuple(owner for owner in job.receiving_owners if grouped and owner not in left)


def sentences(job: Job, manifest: Manifest | None) -> tuple[str, ...]:
    """What is done to a job's tables before anything is opened, in plain words."""
    rules = job.disclosure
    found = [f"cells below {rules.min_count} are suppressed before anything is opened, empty ones included"]
    if rules.noise is not None:
        found.insert(0, f"every number gets {privacy.described(rules.noise)}; the other rules see noisy counts only")
    found += [
        f"so are cells that hold fewer than {rules.min_count} rows when those of {agency} are taken out"
        for agency in subtractors(job, manifest)
    ]
    found += [
        f"where a cell of one of {agency}'s own groups is suppressed, so is another, or all of them: it may know how "
        "many rows the group has"
        for agency in group_owners(job, manifest)
    ]
    if rules.contributors is not None:
        found.append(f"so are cells in which fewer than {rules.contributors} agencies have {rules.min_count} rows")
    if rules.dominance is not None:
        found.append(
            "of a cell's measure nothing is opened if all but the two greatest values add up to less than "
            f"{rules.dominance} % of the greatest, and no variance at all"
        )
    if rules.margins and rules.noise is not None:
        raised = ", negative ones as 0," if rules.noise.consistent else ""
        found.append(
            f"totals of rows, columns and the whole table are sums of all noisy counts{raised} shown or not; those "
            f"below {rules.min_count} are suppressed"
        )
    elif rules.margins:
        found.append(
            "the true totals of rows, columns and the whole table are opened; so that they don't tell a suppressed "
            "cell, others are suppressed with it, or else no total is opened"
        )
        if rules.impossible:
            found.append(
                f"nobody can be in some cells, the job says ({described_cells(rules.impossible)}): none of these is "
                "suppressed for others' sake, and that one is empty counts as known"
            )
    if rules.round_to is not None:
        found.append(f"the other counts are rounded to multiples of {rules.round_to}, nearest, halves up")
    return tuple(found)


def described(job: Job, manifest: Manifest, threshold: int) -> dict[str, Any]:
    """For those who read a result: what its cells are, what was done to them, and what that rests on."""
    rules = job.disclosure
    numbers = "noisy" if rules.noise else "exact"
    return {
        "parties": len(job.parties),
        "threshold": threshold,
        "null": "suppressed",
        "numbers": numbers if rules.round_to is None else f"{numbers}, rounded to multiples of {rules.round_to}",
        "done": list(sentences(job, manifest)),
        "caveats": _caveats(job, manifest, threshold),
    }


def _caveats(job: Job, manifest: Manifest, threshold: int) -> list[str]:
    """What a result's protection rests on and doesn't give, in plain words."""
    return [
        f"{threshold} of {len(job.parties)} parties may be curious; more, if they pool what they see, can read it all",
        "each party follows the protocol and brings its true data; nothing proves it",
        _own_rows(job, manifest),
        *own_caveats(job, manifest),
    ]


def _own_rows(job: Job, manifest: Manifest) -> str:
    if manifest.local == "quality":
        return "every number is of one agency's rows alone"
    if manifest.linked or job.disclosure.noise is not None or len(job.data_parties) == 1:
        return "a receiver can take its own rows out of a number"
    least = job.disclosure.min_count
    return (
        f"a receiver can take its own rows out of a number, and {least} or more of the others' are left; who brought "
        "rows and is shown the result without being a receiver may be left with fewer"
    )


def own_caveats(job: Job, manifest: Manifest) -> tuple[str, ...]:
    """What the rules of a job leave open, in plain words."""
    rules = job.disclosure
    found = ["other tables about the same persons, from here or elsewhere, can tell more together with these"]
    if rules.margins and rules.noise is None:
        found.append(
            "who knows from elsewhere how many are in some suppressed cells can narrow others down by the true totals"
        )
    sums = "dominance" in manifest.rules and job.params.get("measures") and rules.noise is None
    if manifest.compares and "threshold" in job.params:
        found.append(NO_PRECISION)
    if sums and rules.dominance is None:
        found.append(NO_DOMINANCE)
    if rules.dominance is not None:
        found.append(
            "two persons or enterprises of one cell that pool what they know can come nearer to a third's value"
        )
    return tuple(found)
