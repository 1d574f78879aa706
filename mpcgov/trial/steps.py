"""How many links are right at other probabilities or thresholds than the job's, where it is known who belongs together.

The job is run as it is at each step, by real workers: what its numbers would mean is measured, and not derived from how
links are made. For testers only, as a truth is a file that says who is whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from mpcgov.spec.job import Job
from mpcgov.trial import truth

PROBABILITIES = ("0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.99", "0.999")
THRESHOLDS = ("0.5", "0.6", "0.65", "0.7", "0.75", "0.8", "0.85", "0.9", "0.95")
USUAL = "0.7"


def of(job: Job) -> tuple[str, str, tuple[str, ...]]:
    """The parameter that decides who is linked, the job's value, and all to try, ascending, that among them."""
    param, values = ("threshold", THRESHOLDS) if "threshold" in job.params else ("min_probability", PROBABILITIES)
    said = job.params.get(param, USUAL)
    own = str(getattr(said, "source", said))
    every = {Fraction(value): value for value in (*values, own)}
    return param, own, tuple(every[number] for number in sorted(every))


def measured(job: Job, run: Callable[[Job], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """At each step the number of links, precision, recall and F1; all null where too few are linked to be named.

    Args:
        run: gives the result of a job, with `quality`.
    """
    param, _, values = of(job)
    named, found = truth.naming(job), []
    for value in values:
        result = run(named.model_copy(update={"params": named.params | {param: value}}))
        ((links,),) = result["tables"]["count"]["rows"]
        found.append({param: value, "links": links, **result["quality"]})
    return found
