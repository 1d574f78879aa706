"""Keys that a simulation takes to be declared unique, so that whoever has all data sees what a job would give.

Nodes refuse such a job, as whether a key is repeated isn't for a job to find out. A simulation has all the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mpcgov.spec.job import Job
from mpcgov.spec.link import KeyColumns
from mpcgov.spec.table import Declaration


def assumed_keys(job: Job, declarations: Mapping[str, Declaration]) -> dict[str, KeyColumns]:
    """By party, a key of which neither the job nor the declaration says whether it is repeated."""
    keys = {party: part.key for party, part in job.parties.items() if part.key and part.duplicates is None}
    return {
        party: key
        for party, key in keys.items()
        if party in declarations and set(key) <= set(declarations[party].columns)
        if not declarations[party].names_one_row(key)
    }


def noted(job: Job, assumed: Mapping[str, KeyColumns]) -> Iterator[tuple[str, str]]:
    """What each party has to declare before nodes run the job."""
    for party, key in assumed.items():
        line = key[0] if len(key) == 1 else f"[{', '.join(key)}]"
        yield (
            party,
            f"{job.parties[party].dataset}: nodes refuse this job until it says `unique: [{line}]`; the data are so",
        )
