"""How many numbers a job releases of each column's rows, besides counts: what every agency's ledger adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import comb

from mpcgov.linked import coarse, pairing, released, sums, wanted
from mpcgov.linked.capacity import steps
from mpcgov.linked.classes import MOST_JOINT
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.linked.stacked import facts
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Declaration


def numbers(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> dict[str, int]:
    """By `party.column`, or by column where rows aren't linked: of a measure its total and its spread, of a pair both
    spreads and what they have in common, of a weight all of that; of a regression's columns all that it releases. A
    receiver that brings rows knows its own columns: what is of these alone counts by `who is linked with` it, too.

    Numbers with noise aren't counted: their budget bounds them.
    """
    linked = facts(job, manifest, declarations)
    if job.disclosure.noise is not None:
        return {}
    if linked.asked.outcome is not None:
        columns = (*linked.asked.predictors, linked.asked.outcome)
        return {str(column): model(linked).numbers for column in columns}
    return _statistics(linked)


def least_rows(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> dict[str, int]:
    """Of how many rows at least a number is shown: by measure, or pair of measures, as results name them.

    None for noisy numbers, nor for models, whose rows `sentences` describes.
    """
    linked = facts(job, manifest, declarations)
    if job.disclosure.noise is not None:
        return {}
    return {item.name: released.least_rows(linked, item) for item in wanted.gated(linked).values()}


def sentences(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], threshold: int) -> tuple[str, ...]:
    """How many numbers a job releases, beside how many others, and of how many rows at least, in plain words."""
    found, rules = numbers(job, manifest, declarations), job.disclosure
    if not found:
        return ()
    most = max(found.values())
    allowed = max(rules.numbers or 0, most)
    others = f"beside up to {allowed - most} of earlier jobs about the same rows (disclosure.numbers)"
    rows = least_rows(job, manifest, declarations)
    lines = [f"up to {most} numbers besides counts are released of one column, {others}"]
    lines += [f"a number of {name} is shown of {least} rows or more" for name, least in rows.items()]
    linked = facts(job, manifest, declarations)
    if linked.asked.outcome is not None:
        lines += _of_model(linked, allowed, threshold)
    else:
        lines += coarse.sentences(linked, released.step_bits(linked))
    return tuple(lines)


def _of_model(linked: Linked, allowed: int, threshold: int) -> Iterator[str]:
    asked, rules = model(linked), linked.job.disclosure
    needed = steps(allowed, rules.digits, rules.min_count, asked.rows)
    if not needed:
        yield "so many numbers are never shown of as few rows as max_rows allows"
        return
    yield f"coefficients, standard errors and r2 are opened to {rules.digits} significant digits"
    if receiving := linked.job.receiving_owners:
        bring = "brings" if len(receiving) == 1 else "bring"
        yield (
            f"since {' and '.join(receiving)} {bring} rows, coefficients in steps of a quarter to a half of their "
            "standard errors at least, these to 1 %, and r2 to half a percent"
        )
    for owner, columns in asked.judged.items():
        yield (
            f"{owner} gets the result and knows {' and '.join(columns)}: together they are cut into at most "
            f"{MOST_JOINT} classes of many rows, each of which has its class's mean of every number; nothing is shown "
            f"unless each has {rules.min_count} linked rows"
        )
    sides = ", or ".join(f"{rows} rows, {side} of them on each side" for rows, side in (needed[0], needed[-1]))
    yield f"nothing is shown unless a division of each column's values, and each value of a category, has {sides}"
    share = "a quarter" if asked.share_bits(comb(len(linked.job.parties), threshold)) > 1 else "half"
    yield f"nor if a person, or a few together, make up {share} of a coefficient or of what is left unexplained"


def _statistics(linked: Linked) -> dict[str, int]:
    weight = frozenset() if linked.asked.weight is None else frozenset({linked.asked.weight})
    spreads = linked.job.disclosure.dominance is None
    found = set()
    for item, columns in (
        *zip(sums.measures(linked), ((column,) for column in linked.asked.measures), strict=True),
        *zip(sums.pairs(linked), linked.asked.pairs, strict=True),
    ):
        rows = item.n.owners
        found |= {("weight", weight, rows)} if weight else set()
        found |= {("spread", weight | {column}, rows) for column in columns if spreads}
        kind = "total" if len(columns) == 1 else "product"
        found.add((kind, weight | frozenset(columns), rows))
    total = Counter(str(column) for _, columns, _ in found for column in columns)
    for reader in pairing.readers(linked.job, linked.manifest):
        if about := sum(pairing.tells_who(columns) == reader for _, columns, _ in found):
            total[f"who is linked with {reader}"] = about
    return dict(sorted(total.items()))
