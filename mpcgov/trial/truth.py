"""How well a simulated job linked records, where a file says which records really belong together."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpcgov.errors import SpecError
from mpcgov.spec.job import Job
from mpcgov.spec.load import read_text

Pairs = set[tuple[str, ...]]

_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}
_OTHER_OUTPUTS = ("by", "measures", "correlations", "weight", "report")


def names(job: Job) -> tuple[str, ...]:
    """The columns that identify the records, as `party.column`, in job order.

    Raises:
        SpecError: the job has none.
    """
    identify = job.params.get("identify")
    if not isinstance(identify, dict) or set(identify) != set(job.data_parties):
        raise SpecError(
            "--truth: the job doesn't say which columns identify the records",
            hint="params: identify: {party: column} of all owners, in a job of record-linkage",
            code="truth",
        )
    return tuple(f"{party}.{identify[party]}" for party in job.data_parties)


def read(path: Path, job: Job) -> Pairs:
    """The records that belong together: a CSV file with the columns of `names` as its header, in any order.

    Raises:
        SpecError: the file is another one.
    """
    wanted = names(job)
    reader = csv.reader(read_text(path).removeprefix("\ufeff").splitlines())
    header = next(reader, [])
    if sorted(header) != sorted(wanted):
        raise SpecError(f"{path}: expected the header {','.join(wanted)}", code="truth")
    rows = [row for row in reader if row]
    if any(len(row) != len(header) for row in rows):
        raise SpecError(f"{path}: a row without exactly {_WORDS.get(len(header), len(header))} values", code="truth")
    places = [header.index(name) for name in wanted]
    return {tuple(row[place] for place in places) for row in rows}


def naming(job: Job) -> Job:
    """The same job, but that it names the pairs which it links."""
    params = {name: value for name, value in job.params.items() if name not in _OTHER_OUTPUTS}
    return job.model_copy(update={"params": params | {"output": "links"}})


def quality(result: Mapping[str, Any], truth: Pairs) -> dict[str, float | None]:
    """Precision, recall and their harmonic mean of a result's links; null where there is nothing to divide by, or too
    few are linked to be named."""
    if result["tables"].get("count", {}).get("rows") == [[None]]:
        return dict.fromkeys(("precision", "recall", "f1"))  # fewer than min_count, so that none is named
    found = {tuple(map(str, row)) for row in result["tables"]["links"]["rows"]}
    right = len(found & truth)
    precision = right / len(found) if found else None
    recall = right / len(truth) if truth else None
    f1 = 2 * right / (len(found) + len(truth)) if found or truth else None
    return {"precision": precision, "recall": recall, "f1": f1}
