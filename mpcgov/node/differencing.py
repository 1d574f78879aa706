"""Whether two jobs' tables could be subtracted from one another: from what both say, never from data.

What was released once stays known. Two tables over rows that differ in a few people show, subtracted, those few. So
of two tables without noise over one data set, either the rows are certain to be the same ones, or certain to have none
in common. docs/adr/0013 argues why that is enough, and why nothing more is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field

from mpcgov import kinds
from mpcgov.jobs import check
from mpcgov.linked import comparing, counted, pairing
from mpcgov.linked.pairing import Equation
from mpcgov.linked.params import read
from mpcgov.node.hulls import common
from mpcgov.node.parts import Part, part_of
from mpcgov.rules.protections import group_owners, subtractors
from mpcgov.spec import where
from mpcgov.spec.condition import Expr
from mpcgov.spec.ids import PartyId
from mpcgov.spec.load import Frozen, canonical_json
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.overlap import Relation, relation
from mpcgov.spec.statement import Proposal

SPANS = frozenset({"categories", "groups"})
"""Parameters whose columns span the cells."""
MEASURES = frozenset({"measures", "pairs", "weight", "outcome", "predictors"})
"""Parameters that say what is computed over the rows; which rows these are doesn't depend on them, but in left joins of
three owners or more."""


class Release(Frozen):
    """What a job without noise releases, as far as other jobs' releases must be compared with it.

    `link`: whether rows were added up as they are, or linked and how. `by`: the columns that cells are by; None where
    it was recorded before they were. `every_set`: it counts matches of several sets of
    owners at once. `settings`: further parameters that decide which rows are linked. `cells`: what the tables are by.
    `rules`: the disclosure rules. `numbers`: how many besides counts it releases of each column, by `party.column`, or
    by column where rows aren't linked; None in lines of older versions. `equations`: which numbers these are, of linked
    rows in cells (`mpcgov.linked.pairing`), and `readers` the receivers that bring rows; None in older lines. `links`:
    what decides which of compared records are linked; empty where keys do, None in older lines.
    """

    parts: Annotated[tuple[Part, ...], Field(strict=False)]
    link: Literal["none", "inner", "left"]
    every_set: bool
    settings: str
    cells: str
    rules: str
    by: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    numbers: dict[str, int] | None = None
    equations: Annotated[tuple[Equation, ...] | None, Field(strict=False)] = None
    readers: Annotated[tuple[PartyId, ...], Field(strict=False)] = ()
    links: str | None = None


class Side(Enum):
    """How a new release relates to an earlier one, as far as one party's rows go."""

    APART = "apart"
    """they share no person of it"""
    SAME_CELLS = "same cells"
    """the same rows, in the same cells, under the same rules"""
    RELATED = "related"
    """other rows, but perhaps of the same persons; or the same rows, but in other cells, under other rules, or put
    together with others' in another way, or with other rows of theirs; or one adds rows up and the other links them:
    what is suppressed in one may follow from both"""
    UNCLEAR = "unclear"
    """a filter differs, perhaps in few rows or few linked ones"""


def rows_of(release: Release) -> str:
    """Over which rows it is, in few words."""
    return "; ".join(f"{part.party}'s {part.dataset}, {rows_where(part.where)}" for part in release.parts)


def rows_where(condition: str | None) -> str:
    """A choice of rows, in few words."""
    return "all rows" if condition is None else f"rows where {condition}"


def release(proposal: Proposal, manifest: Manifest, me: str = "", made: Mapping[str, str] | None = None) -> Release:
    """What a job that has passed `check_job` releases.

    Args:
        made: how the values of columns of ours are made, as far as that is to be compared.
    """
    job = proposal.job
    params = {name: manifest.params[name].kind for name in job.params}
    settings = {name: job.params[name] for name, kind in params.items() if kind not in SPANS | MEASURES}
    if manifest.compares:  # the first of them is linked with each other one, under keys that go by their order
        settings["(owners)"] = list(job.data_parties)
    by = sorted(column for name, kind in params.items() if kind in SPANS for column in job.params[name] or ())
    tables = kinds.of_manifest(manifest)
    whole = [] if all(kind.of_cells for kind in tables) else [manifest.id, job.params]
    cells: list[Any] = whole or by
    if manifest.linked and job.linking.join == "left" and len(job.data_parties) > 2:
        # Each measure runs over the rows in which its own owners match; those of two jobs may differ in few.
        cells = [by, {name: job.params[name] for name, kind in params.items() if kind in MEASURES}]
    closed = group_owners(job, manifest)
    tabled = job.disclosure.margins or closed
    shown = check.result_tables(job, manifest, proposal.declarations) if tabled else ()
    if job.disclosure.margins:  # which cells are hidden beside the small ones hangs on the order, if only of equal sums
        cells = [*whole, *([t.columns, t.domain, *([t.impossible] if t.impossible else [])] for t in shown)]
    elif closed:  # and of owners' groups the last cell is hidden
        spanned = [column for name, kind in params.items() if kind in SPANS for column in job.params[name] or ()]
        domains = {tuple(table.domain[: len(spanned)]) for table in shown}
        cells = [*(whole or [cells]), spanned, sorted(domains)]
    rules = job.disclosure.model_dump(mode="json", exclude={"noise", "impossible", "digits", "numbers"})
    rules |= job.disclosure.model_dump(mode="json", include={"digits", "numbers"}, exclude_defaults=True)
    if known := subtractors(job, manifest):  # which cells are hidden hangs on whose own rows are taken out
        rules["without"] = sorted(known)
    if closed:  # and on whose own groups are closed, one after the other
        rules["closed"] = list(closed)
    return Release(
        parts=tuple(part_of(proposal, manifest, party, made if party == me else None) for party in job.data_parties),
        link=job.linking.join if manifest.linked else "none",
        every_set=any(kind.of_sets for kind in tables) and len(job.data_parties) > 2,
        settings=canonical_json(settings).decode(),
        cells=canonical_json(cells).decode(),
        rules=canonical_json(rules).decode(),
        by=tuple(by),
        numbers=counted.numbers(job, manifest, proposal.declarations),
        equations=pairing.equations(read(job, manifest, [])) if manifest.linked else (),
        readers=pairing.readers(job, manifest),
        links=comparing.deciding(job, read(job, manifest, [])) if manifest.linked else "",
    )


def compare(new: Release, old: Release, me: str, *, persons_apart: bool) -> Side:
    """How two releases relate, as far as the rows of `me` go, the party on whose node this runs.

    Both came from one consortium, where a party's data set has one name. Every node judges its own part: what keeps a
    partner's rows apart doesn't keep the persons apart that this agency's rows are about.

    Args:
        persons_apart: whether own rows that share no row share no person either: see `mpcgov.node.units`.
    """
    found = {(part.party, part.dataset): part for part in old.parts}
    shared = [(part, found[part.party, part.dataset]) for part in new.parts if (part.party, part.dataset) in found]
    relations = {a.party: _relation(a, b) for a, b in shared}
    ours = me in relations
    own = relations.pop(me, Relation.APART)
    others_apart = set(relations.values()) <= {Relation.APART}
    if own is Relation.APART and (persons_apart or not ours) and (_both_linked(new, old) or others_apart):
        return Side.APART if _counts_own_rows(new, me) and _counts_own_rows(old, me) else Side.RELATED
    if own is Relation.UNCLEAR:
        return Side.UNCLEAR
    if _mixed(new, old):
        return Side.RELATED
    if _both_linked(new, old):
        if Relation.UNCLEAR in relations.values():
            return Side.UNCLEAR
    elif own is Relation.APART and not others_apart:
        return Side.UNCLEAR
    alike = len(shared) == len(new.parts) == len(old.parts) and {own, *relations.values()} == {Relation.SAME}
    alike = alike and _put_together_alike(new, old, shared) and not _adds_equations(new, old)
    return Side.SAME_CELLS if alike and (new.cells, new.rules) == (old.cells, old.rules) else Side.RELATED


def countable(tables: Iterable[Release]) -> bool:
    """Whether an owner can count on its own rows whom tables that lie UNCLEAR to each other single out.

    Not if any links rows: of those that only one of them chose, perhaps a single one is linked; and all in the South,
    less its linked ones, are those who aren't, whatever else the two tables are about. Nor if any tells more than how
    many rows are in its cells: how many lack a value are in no cell, and two means tell how many of those who are in
    one table only have a 1.
    """
    return all(one.link == "none" and only_counts(one) for one in tables)


def only_counts(of: Release) -> bool:
    """Whether all that it tells is how many rows are in each cell of the columns that it is by."""
    by = json.loads(of.cells)
    other = len(by) > 1 and isinstance(by[1], dict)  # a protocol and all of its parameters
    return of.numbers == {} and not other


def parts_of(party: str, a: Release, b: Release) -> tuple[Part, Part] | None:
    """What two releases used of one party's data set; None if it isn't the same one, or either used none."""
    both = [part for release in (a, b) for part in release.parts if part.party == party]
    return (both[0], both[1]) if len(both) == 2 and both[0].dataset == both[1].dataset else None


def editions(party: str, a: Release, b: Release) -> tuple[str, str] | None:
    """Which editions of a party's data set two releases are about, if these are others."""
    both = parts_of(party, a, b)
    return (str(both[0].edition), str(both[1].edition)) if both is not None and _other_edition(*both) else None


def share_no_row(a: Part, b: Part) -> bool:
    """Whether two jobs certainly used no row in common of one data set."""
    return _relation(a, b) is Relation.APART


def same_rows(party: str, a: Release, b: Release) -> bool:
    """Whether two releases certainly used the same rows of one party's data set."""
    both = parts_of(party, a, b)
    return both is not None and _relation(*both) is Relation.SAME


def links_otherwise(new: Release, old: Release) -> bool:
    """Whether two releases link the same registers by other keys, or take other records for alike: then perhaps a few
    are linked in one of the two only, whom both together tell, and whom no owner can count."""
    both = [parts_of(part.party, new, old) for part in new.parts]
    parts = [pair for pair in both if pair is not None]
    if not _both_linked(new, old) or not len(parts) == len(new.parts) == len(old.parts):
        return False
    first, second = ([one.key for one in own] for own in zip(*parts, strict=True))
    keys = [set(zip(*(key or () for key in own), strict=False)) for own in (first, second)]
    if None in (new.links, old.links):
        return keys[0] != keys[1] or new.settings != old.settings
    return keys[0] != keys[1] or new.links != old.links


def _both_linked(new: Release, old: Release) -> bool:
    """Whether each counted row, in either, has one row of every owner; no such row is in both if one owner's isn't."""
    return "none" not in (new.link, old.link)


def _counts_own_rows(of: Release, me: str) -> bool:
    """Whether only rows of `me` are counted. A left join's (no match) counts who isn't among its rows."""
    return of.link != "left" or of.parts[0].party == me or me not in {part.party for part in of.parts}


def _mixed(new: Release, old: Release) -> bool:
    """Whether one adds rows up and the other links them."""
    return (new.link == "none") != (old.link == "none")


def _adds_equations(new: Release, old: Release) -> bool:
    """Whether both together have more of an owner's columns beside another's than either.

    An owner may have made its columns up, so that two of them differ in one person, whose value the two jobs then tell.
    """
    if new.equations is None or old.equations is None:
        return new.equations != old.equations and () not in (new.equations, old.equations)
    return pairing.adds(new.equations, old.equations, {*new.readers, *old.readers})


def _put_together_alike(new: Release, old: Release, shared: list[tuple[Part, Part]]) -> bool:
    """Whether the same rows of every owner give the same rows to count; a left join's first party decides which."""
    if new.link == "left" and shared[0] != (new.parts[0], old.parts[0]):
        return False
    keys = all((a.key, a.duplicates) == (b.key, b.duplicates) for a, b in shared)
    return keys and (new.link, new.every_set, new.settings) == (old.link, old.every_set, old.settings)


def _relation(a: Part, b: Part) -> Relation:
    found = relation(_condition(a), _condition(b), dict(common(a.columns, b.columns)))
    # Whether rows are as they were shows in the columns that they are chosen by, so that these must be the same ones.
    chosen_otherwise = a.columns.keys() != b.columns.keys() or a.used != b.used
    made_otherwise = _made_otherwise(a, b)
    changed = chosen_otherwise or made_otherwise or _other_edition(a, b) or _linked_otherwise(a, b)
    if found is Relation.APART:
        return Relation.UNCLEAR if made_otherwise & {*a.columns, *b.columns} else found
    return Relation.UNCLEAR if changed else found


def _made_otherwise(a: Part, b: Part) -> set[str]:
    """The columns whose values are made otherwise of the source's by now: a row may be in another cell, or chosen."""
    first, second = a.made or {}, b.made or {}
    return {name for name in first.keys() & second.keys() if first[name] != second[name]}


def _linked_otherwise(a: Part, b: Part) -> bool:
    """Whether a column of both keys may be written otherwise by now, which links a few rows more or fewer."""
    if a.linked is None or b.linked is None:
        return a.key is not None and b.key is not None
    return any(a.linked[name] != b.linked[name] for name in a.linked.keys() & b.linked.keys())


def _other_edition(a: Part, b: Part) -> bool:
    """Whether the register was issued anew between them; where an edition isn't said, only fingerprints know."""
    return None not in (a.edition, b.edition) and a.edition != b.edition


def _condition(part: Part) -> Expr | None:
    return None if part.where is None else where.parse(part.where)
