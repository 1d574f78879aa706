"""What is measured: each workload's data, the same in every run, and its right answer in plain numpy.

To add one: a function that makes a `Task` of a given size, and an entry in WORKLOADS; then a program for mpcgov in
`programs`, and one in each peer that can do it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from mpcgov.bench import compared, linked, population
from mpcgov.bench.examples import example
from mpcgov.bench.goals import Goal, computing_within, f1_near, least_f1, part_of, within_mb, within_seconds
from mpcgov.bench.task import Array, Task, Workload, integers

__all__ = ["WORKLOADS", "Array", "Task", "Workload", "integers"]

PARTIES = 3
VALUE_BITS = 32
PLACES = 1000
"""W7's numbers have three decimal places."""
PREDICTORS = 10
MIN_COUNT, ROUND_TO = 10, 5
"""W9's rules; its noise is that of epsilon 1 for a person with a row in each of three registers."""


def sum_of_tables(size: int) -> Task:
    """Each party brings a table; the receiver gets the sum."""
    tables = [integers(f"table {party}", size, VALUE_BITS) for party in range(PARTIES)]
    return Task(tuple({"table": table} for table in tables), np.sum(tables, axis=0))


def comparisons(size: int) -> Task:
    """x of one party, y of another: 1 where x < y. A tenth of the pairs are equal."""
    x, y = integers("x", size, VALUE_BITS), integers("y", size, VALUE_BITS)
    y[::10] = x[::10]
    return Task(({"x": x}, {"y": y}, {}), (x < y).astype(np.int64))


def sorting(size: int) -> Task:
    """Each party brings a third of the values, some of them equal; the receiver gets all in ascending order."""
    values = integers("values", size, VALUE_BITS)
    values[::10] = values[0]
    parts = np.array_split(values, PARTIES)
    return Task(tuple({"values": part} for part in parts), np.sort(values))


def regression(size: int) -> Task:
    """Each party brings a third of the rows; the receiver gets the coefficients, the intercept first.

    The rows are shared and multiplied inside MPC, as linked rows would have to be. (Parties whose rows aren't linked
    could also add up their own Gram matrices. That would be another workload, and take next to nothing.)
    """
    x = integers("predictors", size * PREDICTORS, 11).reshape(size, PREDICTORS) - 1024
    noise = integers("noise", size * 4, 8).reshape(size, 4).sum(axis=1) - 510
    slopes = np.arange(1, PREDICTORS + 1) / PREDICTORS
    y = np.rint(x @ slopes).astype(np.int64) + noise + 500
    rows = [{"x": xs, "y": ys} for xs, ys in zip(np.array_split(x, PARTIES), np.array_split(y, PARTIES), strict=True)]
    design = np.column_stack([np.ones(size), x / PLACES])
    coefficients = np.linalg.lstsq(design, y / PLACES, rcond=None)[0]
    return Task(tuple(rows), coefficients, tolerance=1e-6)


def protected_counts(size: int) -> Task:
    """Each party brings counts; the receiver gets the sums, noisy, rounded, and -1 where they are below the threshold.

    Two cells in three are empty. `noise` is only as long as what parties draw when the clock runs.
    """
    counts = [
        np.where(np.arange(size) % 3, 0, 1000 + integers(f"counts {party}", size, 14)) for party in range(PARTIES)
    ]
    expected = np.sum(counts, axis=0)
    inputs = tuple({"counts": one, "noise": np.zeros(size, np.int64)} for one in counts)
    return Task(inputs, np.where(expected < MIN_COUNT, -1, expected), tolerance=0.003)


def _links(name: str, title: str, case: str, size: int, make: Callable[[int], Task], f1: Goal) -> Workload:
    """Of W3, whose result is judged by its F1."""
    return Workload(name, title, case, size, make, on_demand=True, links=True, goals=(f1, within_seconds(60)))


def _example(name: str, job: str, case: str, most_s: float) -> Workload:
    """A job of the examples, of which is known how long it may take where parties are far apart."""
    goals = (computing_within(most_s),)
    return Workload(f"example-{name}", job, case, 1, partial(example, job), on_demand=True, far_goals=goals)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", "sum of 3 tables", "10^6 cells", 10**6, sum_of_tables, goals=(part_of("SPU SEMI2K", 0.5),)),
        Workload(
            "W2",
            "overlap of string ids",
            "10^6 × 10^6",
            10**6,
            linked.overlap,
            goals=(part_of("SPU RR22", 0.3), within_mb(1000)),
        ),
        _links(
            "W3-febrl", "FEBRL4 without the number", "5,000 × 5,000", 5000, compared.febrl, least_f1(compared.WHOLE_F1)
        ),
        _links(
            "W3-febrl-60",
            "FEBRL4, 60 % in both lists",
            "3,500 × 3,500",
            3500,
            compared.febrl_in_part,
            least_f1(compared.PART_F1),
        ),
        _links(
            "W3-low", "FEBRL4, 2 % in both lists", "2,525 × 2,525", 2525, compared.febrl_low, f1_near("Splink", 0.005)
        ),
        _links(
            "W3-registers",
            "tax × social security without the number",
            "3,127 × 8,246",
            10**4,
            compared.registers,
            f1_near("Splink", 0.005),
        ),
        Workload(
            "W3-million",
            "registers of a population, in 6,400 blocks",
            "10^6 × 10^6",
            10**6,
            population.million,
            on_demand=True,
            once=True,
            links=True,
            goals=(least_f1(population.LEAST_F1),),
        ),
        Workload(
            "W4",
            "join, and mean by group",
            "10^5 × 10^5",
            10**5,
            linked.mean_by_group,
            goals=(within_seconds(2),),
            far_goals=(computing_within(0.7),),
        ),
        Workload("W4-large", "join, and mean by group", "10^6 × 10^6", 10**6, linked.mean_by_group),
        Workload(
            "W4-oblivious",
            "the same, and nobody learns how many match",
            "10^5 × 10^5",
            10**5,
            partial(linked.mean_by_group, oblivious=True),
            goals=(within_seconds(60),),
            far_goals=(computing_within(1.1),),
        ),
        Workload("W5", "comparisons of 32-bit values", "10^5", 10**5, comparisons, goals=(part_of("SPU ABY3", 0.5),)),
        Workload("W6", "sort of 32-bit values", "10^5", 10**5, sorting, goals=(part_of("SPU ABY3 quicksort", 0.25),)),
        Workload(
            "W7", "linear regression", "10^5 rows × 10", 10**5, regression, goals=(part_of("SPU ABY3 in blocks", 0.1),)
        ),
        Workload(
            "W8",
            "a job on running nodes",
            "100 cells",
            100,
            linked.tiny_job,
            goals=(within_seconds(2),),
            far_goals=(within_seconds(0.8),),
        ),
        Workload(
            "W9", "counts gated, rounded and noised", "10^5 cells", 10**5, protected_counts, goals=(within_seconds(5),)
        ),
        _example("count", "people-on-registers", "three registers", 0.15),
        _example("join", "wages-by-age-group", "a left join", 0.7),
        _example("records", "tax-without-numbers", "3,127 × 8,246 records", 8),
        Workload(
            "study",
            "taxes and education",
            "10^7 payments × 5·10^5 persons",
            500_000,
            linked.study,
            on_demand=True,
            goals=(within_seconds(120), within_mb(4000)),
        ),
        Workload(
            "study-large",
            "taxes and education, in shards",
            "10^8 payments × 5·10^6 persons",
            5_000_000,
            linked.study,
            on_demand=True,
            once=True,
            goals=(within_mb(2000),),
        ),
    )
}
