"""Tables whose rows may differ in few from an earlier one's, for a person to weigh: by how many, on our own rows.

What is counted here depends on data. It is shown to this agency's people, and to nobody else: no message, status, log
or moment outside this agency may depend on it (docs/security/differencing.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mpcgov.errors import InternalError, MpcgovError
from mpcgov.node import ledger
from mpcgov.node.differencing import Release, rows_of, same_rows
from mpcgov.node.home import NodeHome
from mpcgov.spec.difference import Answer, Difference, Question, Rows
from mpcgov.spec.load import canonical_json, validate
from mpcgov.spec.order import ROWS

CELLS_SHOWN = 5
Prints = Sequence[Mapping[str, str]]
"""Fingerprints of a data set at several jobs, as the ledger has them."""


def count(
    home: NodeHome, min_count: int, new: Release, earlier: Sequence[Release], others: Sequence[Release], then: Prints
) -> Answer:
    """How the rows of a job that is asked for differ from those of earlier ones, as our data are now.

    Args:
        others: what doesn't overlap it, and could be added to those that do.
        then: what the data set was at each of these. What has changed since makes two tables differ, too.

    Raises:
        MpcgovError: they can't be read, or not as they are declared.
    """
    question = question_of(home.party, str(home.datasets_path.absolute()), min_count, new, earlier, others)
    question = question.model_copy(update={"sets": tuple(sorted(set(map(_columns, _of_rows(then)))))})
    # -P: modules come from where Python is installed, never from the folder that we were started in.
    command = [sys.executable, "-P", "-m", "mpcgov.worker.differing"]
    asked = question.model_dump_json().encode()
    # Our own module by name; no shell, and no filter in the list of processes.
    process = subprocess.run(command, input=asked, capture_output=True, check=False)  # noqa: S603
    try:
        answer: dict[str, Any] = json.loads(process.stdout)
    except ValueError:
        raise InternalError(f"the process that reads data ended with status {process.returncode}") from None
    if "error" in answer:
        raise MpcgovError.from_json(answer["error"])
    found = validate(answer["found"], Answer, "difference")
    now = ledger.keyed(home.identity, question.dataset, found.prints)
    same = all(
        one.get(ROWS) == now[ROWS] and all(now.get(name) == one[name] for name in _of_rows([one])) for one in then
    )
    return found.model_copy(update={"changed": not same})


def _of_rows(then: Prints) -> list[str]:
    return [name for one in then for name in one if name.startswith(f"{ROWS}: ")]


def _columns(name: str) -> tuple[str, ...]:
    """The columns that a fingerprint is of, by its name."""
    return tuple(name.removeprefix(f"{ROWS}: ").partition(" by ")[0].split(","))


def question_of(
    party: str, datasets: str, min_count: int, new: Release, earlier: Sequence[Release], others: Sequence[Release]
) -> Question:
    """What the process that reads data is asked of tables; of those that are the same ones, once."""
    tables = [new, *earlier]
    rows = [_rows(party, one, new) for one in tables]
    for old in others:
        if (one := _rows(party, old, new)) not in rows[1:]:
            tables.append(old)
            rows.append(one)
    distinct = [i for i, one in enumerate(tables) if not any(same_rows(party, one, old) for old in tables[:i])]
    end = 1 + len(earlier)
    return Question(
        datasets=datasets,
        dataset=next(part.dataset for part in new.parts if part.party == party),
        new=rows[0],
        earlier=tuple(rows[1:end]),
        others=tuple(rows[end:]),
        distinct=tuple(distinct),
        min_counts=tuple(sorted({min_count, *(int(json.loads(one.rules)["min_count"]) for one in tables)})),
    )


def sentences(jobs: Sequence[tuple[str, Release]], answer: Answer, min_count: int) -> Iterator[str]:
    """What the person who must say yes or no reads; for nobody else."""
    for (job, old), difference in zip(jobs, answer.differences, strict=True):
        yield (
            f"job {job} has released a table over {rows_of(old)}; of our own rows, {difference.persons:,} persons are "
            "in just one of the two tables" + _cells(difference, min_count)
        )
    if len(jobs) > 1 and answer.fewest is not None:
        yield f"all these tables together tell groups of our persons apart, the smallest of {answer.fewest:,}"
    if answer.few:
        yield f"cells of these tables, and of others that add to them, single out fewer than {min_count} persons"
    if answer.changed:
        yield "the data set has changed since one of these tables, which would show the change"
    if answer.follows:
        yield "one of these tables is others, added and subtracted, or would be but for a person"
    if answer.least < min_count:
        yield f"that is fewer than {min_count}: no yes is possible; say no, or let the time to approve pass"
    else:
        yield f"that is {min_count} or more everywhere: a yes is possible, if the purpose needs both tables"


def _cells(difference: Difference, min_count: int) -> str:
    """By cell, the smallest first, and how many are below the least."""
    cells = difference.cells
    if not cells:
        return ""
    few = sum(cell.persons < min_count for cell in cells)
    named = "; ".join(f"{', '.join(cell.values)}: {cell.persons:,}" for cell in cells[:CELLS_SHOWN])
    more = f"; and {len(cells) - CELLS_SHOWN} more cells" if len(cells) > CELLS_SHOWN else ""
    return f", by {', '.join(difference.by)} {named}{more}" + (
        f"; {few} of these are fewer than {min_count}" if few else ""
    )


def _rows(party: str, release: Release, new: Release) -> Rows:
    """A table's rows of ours. Of one that was recorded without its columns, as if it were by those of the new one."""
    part = next(part for part in release.parts if part.party == party)
    by = new.by if release.by is None else release.by
    margins = bool(json.loads(release.rules).get("margins"))
    own = [name for text in by or () if (name := _own(text, party, release.link)) is not None]
    others = [one.model_dump(mode="json", exclude={"made"}) for one in release.parts if one.party != party]
    company = canonical_json(others).decode() if others else None
    return Rows(where=part.where, present=part.used, by=tuple(sorted(own)), margins=margins, company=company)


def _own(column: str, party: str, link: str) -> str | None:
    """The name of a column in our data set; None if it is another party's."""
    owner, dot, name = column.rpartition(".")
    return name if owner == party else None if dot else column
