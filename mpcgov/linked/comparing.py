"""Who does what when records are compared, and what that comes to; by public facts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import prod

from mpcgov.linked import blocks, fieldkinds, preparing
from mpcgov.linked.encoding import FREE_LINKS, MOST_PAIRS, ONE_TO_ONE, WRONG_LINKS, WRONG_SHARE
from mpcgov.linked.params import Asked, read
from mpcgov.linked.sizes import padded_length
from mpcgov.spec.job import Job
from mpcgov.spec.load import canonical_json
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Declaration

MOST_OWNERS = 5
"""So many registers are linked at most, each with the first."""
MOST_EXACT = 500_000
"""Records of the shorter list for which exact partners are found first; each has a row in what comes out."""


_SAME: Mapping[blocks.BlockType, str] = {"value": "", "year": "same year of ", "day": "same month and day of "}


def faults(job: Job, manifest: Manifest) -> Iterator[str]:
    """What makes it impossible to give out the roles."""
    owners = len(job.data_parties)
    if not 2 <= owners <= MOST_OWNERS:
        yield f"parties: {owners} have a dataset; {manifest.id} compares the records of 2 to {MOST_OWNERS}"
    if owners > 2:
        yield from _star_faults(job)
    if job.link is not None:
        yield f"link: {manifest.id} compares records; there is no join to choose"


def _star_faults(job: Job) -> Iterator[str]:
    """What is for two registers only."""
    if "threshold" in job.params:
        yield "params.threshold: for two registers; three or more are linked by min_probability"
    if job.params.get("match") not in (None, ONE_TO_ONE):
        yield f"params.match: for two registers; three or more are linked {ONE_TO_ONE}"
    if job.params.get("report"):
        yield "params.report: match rates are of two registers; ask for them with a job for each two"


def deciding(job: Job, asked: Asked) -> str:
    """What decides which records are linked, as a text that is the same for jobs that link the same ones. Empty where
    keys do, which job files name."""
    if not asked.fields:
        return ""
    fields = [[one.type, dict(one.columns), one.prepare, one.m and str(one.m)] for one in asked.fields]
    passes = [[[one.type, dict(one.columns)] for one in each] for each in asked.blocks]
    least = [asked.threshold and str(asked.threshold), asked.probability and str(asked.probability)]
    exact = sorted(map(str, asked.exact))
    return canonical_json([job.data_parties, fields, passes, exact, least, asked.match or ONE_TO_ONE]).decode()


def threshold_faults(manifest: Manifest, threshold: int) -> Iterator[str]:
    """Why records can't be compared in a consortium of which two may pool what they see."""
    if threshold > 1:
        yield (
            f"threshold: {threshold}; {manifest.id} compares records among three of the parties, of which any two "
            "together would learn them all: it needs a consortium with threshold 1"
        )


def comparing(job: Job, two: Sequence[str]) -> tuple[str, ...]:
    """The three parties that compare the records of two owners, in job order: these, and one more."""
    return tuple(party for party in job.parties if party in (*two, helper(job, two)))


def helper(job: Job, two: Sequence[str]) -> str:
    """The one of them that owns neither list: the first without data, if there is any. It also finds exact pairs."""
    free = [party for party in job.parties if party not in two]
    return next((party for party in free if party not in job.data_parties), free[0])


def rows_first(asked: Asked, lengths: Mapping[int, int]) -> list[int]:
    """Who has the rows, then who has columns: rows are linked once; the shorter list's, where columns are, too. Of
    three owners or more the first in the job has the rows in all pairs.

    Args:
        lengths: of the padded lists, by the owners' places among the parties, in job order.
    """
    if len(lengths) > 2:
        return [*lengths]
    if asked.one_to_one:
        return sorted(lengths, key=lambda owner: lengths[owner])
    return sorted(lengths, reverse=asked.match == "one-to-many")


def notes(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    """What the job does, in plain words; with the declarations, also with how many pairs."""
    whole = read(job, manifest, [])
    asked = whole.blocks
    left, *others = job.data_parties
    right = " and of ".join(others)
    which, theirs, where = ("the", "those", " in the same block") if asked else ("all", "all", "")
    where += " of any pass" if len(asked) > 1 else ""
    compared = f"{which} records of {left} are compared with {theirs} of {right}{where}"
    yield f"{compared}, and {_choice(whole, len(others) > 1)}; nobody sees a comparison"
    careful = "min_probability" not in job.params
    yield _meaning(whole, careful, len(others) == 1 or not job.receiving_owners)
    for number, field in enumerate(whole.fields):
        names = [f"{party}.{name}" for party, name in field.columns.items()]
        yield from preparing.note(number, names, field.prepare)
        if field.m is not None:
            yield f"params.fields[{number}]: equal in {float(100 * field.m):g} % of pairs of a person, says the job"
        yield from fieldkinds.warnings(number, field, declarations)
    if whole.exact:
        yield _exact_note(job, whole)
    if len(job.parties) > 3:
        for other in others:
            yield f"{_listed(comparing(job, (left, other)))} compare; what comes out is shared among all parties"
    if len(others) > 1:
        yield from _star_notes(left, others, bool(job.receiving_owners))
    elif whole.one_to_one:
        yield "the owner of the shorter padded list has the rows, the other one the columns of the table of all pairs"
    else:
        many, one = (left, right) if whole.match == "many-to-one" else (right, left)
        yield (
            f"{whole.match}: several records of {many}, which has the rows, may be linked to one of {one}; it may have "
            f"{blocks.MOST_SEVERAL:,} at most, or so many in a block"
        )
    if all(declarations.get(party) for party in job.data_parties):
        lists = [padded_length(declarations[party].max_rows) for party in job.data_parties]
        yield from _block_notes(blocks.passes(asked, declarations), lists) if asked else _pair_notes(lists)


def _star_notes(hub: str, others: Sequence[str], told: bool) -> Iterator[str]:
    """What three registers or more are to each other. `told`: whether one that brings records gets the result."""
    yield (
        f"{hub}, the first party with data, is linked with each of the others by itself, one to one; counted is a "
        f"record of {hub} that has a link with a record of each of {_listed(others)}: who isn't in {hub}'s register is "
        f"in no group, and {_listed(others)} aren't compared with each other"
    )
    yield (
        f"{hub} has the rows in each of these, so name the shortest register first; it may have "
        f"{blocks.MOST_SEVERAL:,} records at most, or so many in a block"
    )
    if told:
        yield "estimated precision and recall are left out, as a receiver that brings records could tell more from them"
    else:
        yield (
            f"estimates are of {hub} with each of the others: of the groups at most as many are wrong as of all these "
            "links together, and of the persons in all registers at most as many are missed"
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)


def _choice(asked: Asked, several: bool) -> str:
    if asked.threshold is not None:
        return "each is linked to the one most like it, if that is so both ways and they are alike enough"
    rows, alone = (
        ("the first list" if several else "the shorter list", "no other weighs more with that one and ")
        if asked.one_to_one
        else ("one list", "")
    )
    which = "each other one" if several else "the other"
    return (
        f"each record of {rows} is weighed, field by field, with those most alike of {which}, and linked to "
        f"the one that weighs most, if {alone}they are probably one person's"
    )


def _meaning(asked: Asked, careful: bool, estimated: bool) -> str:
    """What the number says that decides."""
    if asked.probability is not None:
        more = "; the result has estimated precision and recall" if estimated else ""
        least = (
            f"; the job doesn't say it, so it is more where few are in both: at most {1 / WRONG_LINKS} links, or 1 in "
            f"{WRONG_SHARE} of those beyond {FREE_LINKS}, are expected to be wrong"
        )
        return (
            f"min_probability {float(asked.probability)}: of links just so probable, that share is right, however many "
            f"persons are in both lists, which is estimated{least if careful else ''}{more}"
        )
    return (
        f"threshold {float(asked.threshold or 0)}: a Dice coefficient; it doesn't say how many links are right: where "
        "few are in both lists, most records so alike may be strangers'; min_probability takes that into account"
    )


def _exact_note(job: Job, asked: Asked) -> str:
    fields = [asked.fields[number].columns for number in asked.exact_fields]
    of = " and ".join(" = ".join(f"{party}.{column}" for party, column in columns.items()) for columns in fields)
    return (
        f"before that, records equal in {of} are linked outright, where either owner has only one with these values: "
        f"{helper(job, job.data_parties)} finds them by tags and sees how many, EACH OWNER LEARNS WHICH OF ITS OWN "
        "RECORDS THEY ARE, and so who of its people is in the other register; only the others are compared; a node "
        "takes part only if its policy's link has exact"
    )


def _block_notes(passes: Sequence[blocks.Pass], lists: list[int]) -> Iterator[str]:
    counts = [blocks.count(axes) for axes in passes]
    for number, (axes, count) in enumerate(zip(passes, counts, strict=True), 1):
        of = " and ".join(f"{_SAME[axis.type]}{_named(axis)}" for axis in axes)
        yield f"{f'pass {number}: ' if len(passes) > 1 else ''}{count:,} blocks, one for each {of}"
    yield (
        "every owner pads all blocks of a pass to the length of its fullest one, which all learn, rounded up; records "
        "without a value, or with one that not all owners declare, are left out of the pass"
    )
    if len(passes) > 1:
        yield (
            "a record's partner is the one that weighs most in all passes together, and counts once, in however many "
            "passes the two meet; nobody learns in which"
        )
    pairs = blocks.planned_pairs(counts, lists)
    yield (
        f"{pairs:,} pairs if lists as long as max_rows were spread evenly; the job ends before any record is dealt if "
        f"there are more than {blocks.MOST_BLOCKED_PAIRS:,}, or {MOST_PAIRS:,} in a block"
    )


def _named(axis: blocks.Axis) -> str:
    return " = ".join(f"{party}.{column}" for party, column in axis.columns.items())


def _pair_notes(lists: list[int]) -> Iterator[str]:
    most = max(map(prod, blocks.spokes(lists)))
    if most > MOST_PAIRS:
        yield (
            f"lists as long as max_rows would have {most:,} pairs; the job ends before any record is dealt if there "
            f"are more than {MOST_PAIRS:,}: with params.blocks only records that share a value, such as the year of "
            "birth, are compared"
        )


def report_faults(job: Job) -> Iterator[str]:
    """Groups of two columns may differ in one record. Where an owner made both up, or one of them beside a column that
    it knows, both columns' match rates tell whether that one is linked; links are named anyway."""
    report = job.params.get("report")
    if not isinstance(report, list) or job.params.get("output") == "links":
        return
    named = Counter(str(column).partition(".")[0] for column in report)
    for party in (party for party, columns in named.items() if columns > 1):
        yield (
            f"params.report: {named[party]} columns of {party}, whose groups may differ in few links, which both match "
            "rates would tell; name one"
        )
    if max(named.values(), default=0) == 1 < len(report) and job.receiving_owners:
        yield (
            f"params.report: one column where {job.receiving_owners[0]} gets the result: groups of two may differ in "
            "few links, which both match rates would tell; name one"
        )


def receiver_faults(job: Job) -> list[str]:
    """What is wrong with receivers: one that brings records could tell from estimates whether one of them is linked."""
    if "threshold" in job.params or job.params.get("output") == "links":
        return []
    otherwise = ", or give a threshold" if len(job.data_parties) == 2 else ""
    return [
        f"receivers: {party} brings records, and what min_probability estimates could tell it of single ones; let the "
        f"coordinator or a party without data receive the result{otherwise}"
        for party in job.receiving_owners
    ]
