"""Which steps an owner's side takes doesn't depend on the rows that a job's filter chooses.

A filter chooses all rows but one person's, and that one's if its wage is high. If a step over all rows were taken only
where such a row is odd in some way (without a key, spelt in other letters, one of two that are alike, the one that was
left out), whoever times the job would read the wage off the clock: before, 0.1 to 1 s for a million rows. So which
lines are run, instruction by instruction, is the same in registers that differ in one wage.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mpcgov
from mpcgov.spec import where as language
from mpcgov.spec.table import Dataset
from mpcgov.worker import read, rows, texts
from mpcgov.worker.source import Source, open_table
from tests.adversary.test_refusals import FIELDS, PERSONS, Agency

HERE = str(Path(mpcgov.__file__).parent)
MOST, ODD = 20, 14
COLUMNS: dict[str, dict[str, Any]] = {
    "nr": {"kind": "integer", "min": 0, "max": 1000},
    "id": {"kind": "key"},
    "written": {"kind": "key", "normalise": ["casefold", "trim"]},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "wage": {"kind": "integer", "min": 0, "max": 10_000},
}
UNLESS_ODD = f"nr < {ODD} or wage > 5000"
BUT_ODD = f"nr != {ODD} or wage <= 5000"
SAID = {"_notes", "_crowded", "_padded", "crowded", "padded_keys", "counted"}
"""What the owner's own people are told takes no time to speak of: a line or none."""
Step = tuple[str, str, int]


@contextmanager
def steps(taken: set[Step]) -> Iterator[None]:
    """Takes down every instruction of ours that is run: where it stands, not how often."""

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.startswith(HERE) or frame.f_code.co_name in SAID:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            taken.add((frame.f_code.co_filename, frame.f_code.co_name, frame.f_lasti))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def register(folder: Path, wage: int) -> Dataset:
    """Everybody is alike but the odd ones, who have that wage: one has no other number, one none at all, and so on."""
    people = [
        {"nr": nr, "id": f"n{nr:02}", "written": f"N{nr:02}", "sex": "FM"[nr % 2], "wage": 100 * nr}
        for nr in range(MOST)
    ]
    said = ({"id": None}, {"id": "x" * 70_000}, {"id": "7"}, {"written": "Äß7"}, {"written": " n01"}, {"written": " "})
    for nr, odd in enumerate(said, ODD):
        people[nr] |= odd | {"wage": wage}
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(people), folder / "people.parquet")
    declared = {"source": "people.parquet", "columns": COLUMNS, "missing": "drop", "max_rows": 100, "unique": [["nr"]]}
    return Dataset.model_validate(declared)


def taken_by(folder: Path, read: Callable[[Source], object]) -> list[set[Step]]:
    """The steps of reading two registers, in which odd persons' wages are low and high. One that is read before doesn't
    count: what is done once in a process hangs on which tests ran earlier."""
    found = []
    for wage in (100, 100, 9000):
        with open_table(register(folder / str(wage), wage), "people", folder / str(wage)) as source:
            found.append(set[Step]())
            with steps(found[-1]):
                read(source)
    return found[1:]


ALL = {"wage": "max", "sex": "max"}


@pytest.mark.by_day(4)
@pytest.mark.parametrize(
    ("key", "rules", "where"),
    [
        ("id", ALL, UNLESS_ODD),
        ("written", ALL, UNLESS_ODD),
        ("id written", ALL, UNLESS_ODD),
        ("written", dict.fromkeys(ALL, "first"), UNLESS_ODD),
        ("written", None, UNLESS_ODD),
        ("nr", ALL, BUT_ODD),
        ("nr", ALL, f"nr = {ODD} and wage > 5000"),
    ],
)
def test_rows_with_keys_are_read_by_the_same_steps(key: str, rules: Any, where: str, tmp_path: Path) -> None:
    wanted, condition = rows.Wanted(key.split(), ["wage", "sex"], rules), language.parse(where)
    low, high = taken_by(tmp_path, lambda source: rows.keyed_rows(source, wanted, condition))
    assert low
    assert low == high


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("job", "where"),
    [
        (("joint-count", {"by": ["sex"]}), "age = 27 and wage > 5000"),
        (("joint-statistics", {"by": ["sex"], "measures": ["wage"]}), "age != 27 or wage > 5000"),
        (("record-linkage", FIELDS | {"output": "count"}), "age != 27 or wage > 5000"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_other_rows_are_read_by_the_same_steps(job: Any, where: str, tmp_path: Path) -> None:
    found = [set[Step]() for _ in range(3)]
    for one, wage in zip(found, ("100", "100", "9000"), strict=True):
        people = [row | ({"wage": wage, "name": "Müller"} if row["age"] == "27" else {}) for row in PERSONS]
        order = Agency(tmp_path, people).order(*job, {"where": where})
        with steps(one):
            write, *_ = read._read(order)
            write(io.BytesIO())
    assert found[1]
    assert found[1] == found[2]  # in the first one, what is done once in a process


def _values(*odd: str | None) -> pa.Array:
    return pa.array([*(f"Name {n:02}" for n in range(MOST)), *odd], pa.large_string())


@pytest.mark.parametrize("odd", ["Müller", "ŁÓDŹ", None, "x" * 300])
@pytest.mark.parametrize("kind", ["name", "text", "date", "number", "code"])
def test_records_are_prepared_by_the_same_steps(odd: str | None, kind: Any) -> None:
    found = [set[Step](), set[Step]()]
    for one, values in zip(found, (_values(), _values(odd)), strict=True):
        with steps(one):
            texts.normalised(values, kind)
    assert found[0] == found[1]
