"""Whether rows that filters keep apart are other persons' for certain: from declarations, policy and fingerprints.

Filters choose rows, and rows aren't persons. Where a person has a row for each year, the tables of two years may differ
in one person though they share no row; and once a register has been brought up to date, a person's one row may have
moved from one side of a filter to the other. Either is excluded only where the whole data set has one row of each
person, and everybody's values in the columns that both filters test are those that they were.

What is protected is whomever a row of such a data set is about, under the name by which it is declared unique.
docs/adr/0013 argues.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mpcgov.jobs import check
from mpcgov.node.differencing import Release, parts_of, share_no_row
from mpcgov.node.facts import Facts, Line, View
from mpcgov.node.parts import Part
from mpcgov.spec.ids import digest
from mpcgov.spec.link import KeyColumns
from mpcgov.spec.load import canonical_json
from mpcgov.spec.order import ROWS, UNITS
from mpcgov.spec.policy import DatasetPolicy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Dataset, Declaration, KeyColumn

SAY_IT = "declare a person's number unique in datasets.yaml, or say rows_per_unit in policy.yaml"

Units = Sequence[KeyColumns]
"""Sets of columns by each of which a data set is unique, and has one row of everybody whom it is about."""


@dataclass(frozen=True)
class Register:
    """What its owner's files say of a data set: `persons`, by what it tells persons apart; `sources`, by column, what
    the source calls the columns that this one is read or derived from; `made`, by column, a digest of how."""

    persons: Units = ()
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)

    def alike(self, a: str, b: str) -> bool:
        """Whether two columns are of one in the source, so that numbers of either are about the same values."""
        return bool(self.sources.get(a, frozenset({a})) & self.sources.get(b, frozenset({b})))


def sources(dataset: Dataset) -> dict[str, frozenset[str]]:
    """By column, what the source calls those that it is read or derived from; or their characters in a line."""
    found = {}
    for name in dataset.columns:
        how = dataset.derived.get(name)
        readings = [dataset.reading(one) for one in ((name,) if how is None else how.operands)]
        places = [range(one.at[0], one.at[1] + 1) if one.at else () for one in readings]
        characters = {f"character {place}" for some in places for place in some}
        found[name] = frozenset(characters or {one.source or name for one in readings})
    return found


_MADE = {"missing", "recode"}


def made(dataset: Dataset) -> dict[str, str]:
    """By column, a digest of how its values are made of the source's: recoded, taken for missing, derived. Not of where
    they stand there: that may change while they stay as they are."""
    found = {}
    for name in dataset.columns:
        how = dataset.derived.get(name)
        readings = [dataset.reading(one) for one in ((name,) if how is None else how.operands)]
        written = [one.model_dump(mode="json", include=_MADE | one.signs) for one in readings]
        found[name] = digest(canonical_json([None if how is None else how.model_dump(mode="json"), written]))
    return found


def known(declaration: Declaration | None, allowed: DatasetPolicy | None) -> Units:
    """By what a data set of ours tells persons apart, one row each, as far as we have said so.

    What the policy's `rows_per_unit` says goes first: one row of each unit, and its key declared unique. Where it says
    nothing, a single column that is declared unique is taken for a person's number; not, though, where another column
    of kind key isn't unique, since the first may number rows and the second persons.
    """
    if declaration is None:
        return ()
    unique, said = declaration.unique, {} if allowed is None else allowed.rows_per_unit
    if any(unit.rows > 1 for unit in said.values()):
        return ()
    if said:
        keys = [unit.key for unit in said.values() if unit.key is not None]
        return tuple(one for one in unique if any({*one} <= {*key} for key in keys))
    single = {one[0] for one in unique if len(one) == 1}
    keyed = {name for name, column in declaration.columns.items() if isinstance(column, KeyColumn)}
    return tuple((name,) for name in sorted(single)) if keyed <= single else ()


def here(proposal: Proposal, facts: Facts) -> Register:
    """Of the data set that a job names at this node."""
    allowed = facts.policy.datasets.get(str(proposal.job.parties[facts.me].dataset))
    return Register(known(facts.declaration, allowed), facts.sources, facts.made)


def doubts(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """Why it isn't said that what a job counts, or what its noise hides, are different persons: then people decide.

    Rows that are added up may be one person's, as long as nobody has said how many one has. A key that several persons
    share, such as a family name, is chosen by the job: counts may then be about names that are in the register for
    certain, and one person more. And ten links may be ten records of a partner's, of one person of ours.
    """
    job, dataset = proposal.job, proposal.job.parties[facts.me].dataset
    if facts.protocol is None or dataset is None:
        return
    allowed = facts.policy.datasets.get(dataset)
    said, noise = {} if allowed is None else allowed.rows_per_unit, job.disclosure.noise
    persons = known(facts.declaration, allowed)
    used = check.used_columns(job, facts.protocol.manifest, facts.me, facts.declaration)
    key = sorted(name for name, uses in used.items() if "key" in uses)
    units = [*persons, *(unit.key for unit in said.values() if unit.key is not None)]
    if noise is not None and not said and not (persons and noise.unit == "person"):
        hidden = f"{noise.bound} row{'s' * (noise.bound > 1)} of a {noise.unit}"
        yield f"its noise hides {hidden}, and nothing says how many one has in {dataset}: {SAY_IT}"
    elif not key and not said and not persons:
        yield f"it counts rows of {dataset}, and nothing says how many one person has there: {SAY_IT}"
    if key and not units:
        yield f"it links by {', '.join(key)}, and nothing says which columns of {dataset} tell persons apart: {SAY_IT}"
    elif key and not any({*unit} <= {*key} for unit in units):
        told = " or ".join(", ".join(unit) for unit in dict.fromkeys(map(tuple, units)))
        yield f"it links by {', '.join(key)}, which several persons may share: {dataset} tells them apart by {told}"
    many = {"many-to-one": 0, "one-to-many": 1}.get(str(job.params.get("match")))
    if facts.protocol.manifest.compares and many is not None and job.data_parties[many] != facts.me:
        yield (
            f"several records of {job.data_parties[many]} may be linked to one of {dataset}: min_count counts links, "
            "which may all be of one person here"
        )


def not_apart(me: str, new: Release, old: Release, units: Units) -> str:
    """Why own rows of two jobs that share none may be the same persons' all the same."""
    parts = [part for release in (new, old) for part in release.parts if part.party == me]
    if not units:
        return f"nothing says that there is one row of each person: {SAY_IT}"
    told = " or ".join(", ".join(one) for one in units)
    compared = any(release.link != "none" and part.key is None for release, part in zip((new, old), parts, strict=True))
    if compared or not any(all(part.key is None or {*one} <= {*part.key} for part in parts) for one in units):
        return f"one of both links by what several persons may share, and not by {told}"
    if parts[0].edition != parts[1].edition:
        return "they are of another edition, in which persons may have come to the filter's other side"
    if "left" in (new.link, old.link):
        return (
            "in a left join (no match) counts persons whom a filter leaves out; or somebody's values have changed since"
        )
    tested = ", ".join(sorted({*parts[0].columns} & {*parts[1].columns}))
    return f"somebody's {tested or 'values'} may have changed between the two"


def asked(release: Release, view: View) -> Line:
    """A job that is asked for, as a line of the ledger that goes by what was found out about persons before."""
    return Line("", release, None, "", view.found, math.inf)


def kept_apart(a: Part, now: Mapping[str, str], b: Part, then: Mapping[str, str], units: Units) -> bool:
    """Whether two jobs that share no row of one data set share no person of it either.

    Args:
        now, then: what the reading child found out about the data set for either job, fingerprints included.
    """
    tested = {*a.columns} & {*b.columns}
    return a.edition == b.edition and any(
        all(_unchanged(f"{UNITS}{','.join(one)}: {name} by ", now, then) for name in tested)
        for one in units
        if all(part.key is None or {*one} <= {*part.key} for part in (a, b))
    )


def apart(me: str, a: Line, b: Line, units: Units) -> bool:
    """Whether two lines' jobs certainly share no person of a data set of ours, as what they found out says."""
    if a.release is None or b.release is None or (parts := parts_of(me, a.release, b.release)) is None:
        return False
    if any(one.link != "none" and part.key is None for one, part in zip((a.release, b.release), parts, strict=True)):
        return False  # records that are compared link by columns that several persons may share
    return share_no_row(*parts) and kept_apart(parts[0], a.snapshot, parts[1], b.snapshot, units)


def meets(me: str, believed: Line, read: Line, other: Line, units: Units) -> bool:
    """Whether a job that was let through as one about other persons than another's may be about the same ones.

    Args:
        believed, read: the job's line as it was let through, and with what it has found out itself.
    """
    return apart(me, believed, other, units) and not apart(me, read, other, units)


def comparable(snapshot: Mapping[str, str]) -> bool:
    """Whether what a job has read can be held against what a later one reads: not where an older version took down
    which rows it chose, in place of what the whole data set was."""
    return ROWS in snapshot or not snapshot.keys() - of_units(snapshot).keys()


def of_units(snapshot: Mapping[str, str]) -> dict[str, str]:
    """Of fingerprints those that say what everybody's values in a column are."""
    return {name: value for name, value in snapshot.items() if name.startswith(UNITS)}


def latest(snapshots: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What was found out last, of fingerprints in the order in which jobs came; of those that have read anything."""
    found: dict[str, str] = {}
    for snapshot in snapshots:
        units = of_units(snapshot)
        found |= units if len(units) < len(snapshot) else {}
    return found


def _unchanged(prefix: str, now: Mapping[str, str], then: Mapping[str, str]) -> bool:
    """Hashes of another engine, or another version of one, have other names, and can't be compared."""
    common = [name for name in now if name.startswith(prefix) and name in then]
    return bool(common) and all(now[name] == then[name] != "" for name in common)
