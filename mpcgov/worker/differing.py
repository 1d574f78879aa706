"""`python -m mpcgov.worker.differing`: by how many persons tables over one data set differ; reports only counts.

A process of its own, because whoever holds keys loads no data engine. Stdin is one JSON object, a `Question`; stdout is
one, `{"found": Answer}` or `{"error": …}`. What it reports depends on rows and is for their owner's people alone.

Persons are rows, or the different values of the key column that has the fewest of them: rows of one person count once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis

from mpcgov.errors import LocalError
from mpcgov.spec import where
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.difference import Answer, Cell, Difference, Question, Rows
from mpcgov.spec.load import parse_json
from mpcgov.spec.table import KeyColumn
from mpcgov.worker.advice import MISSING
from mpcgov.worker.answer import answer
from mpcgov.worker.fingerprint import fingerprints_of
from mpcgov.worker.following import Group, few, follows
from mpcgov.worker.predicate import predicate
from mpcgov.worker.source import Source, open_table

_NEW, _OLD = "in_new", "in_old"


def main() -> None:
    """Answers one question."""

    def find() -> dict[str, Any]:
        question = parse_json(sys.stdin.buffer.read(), Question, "question", 64 << 20)
        return {"found": found(question).model_dump(mode="json")}

    answer(find)


def found(question: Question) -> Answer:
    """How the new table's rows differ from those of each earlier one, and the smallest group that all tell apart.

    Raises:
        LocalError: there is no such data set, or it can't be read as it is declared now.
    """
    path = Path(question.datasets)
    dataset = load_datasets(path).root.get(question.dataset)
    if dataset is None:
        raise LocalError(f"{path}: no data set {question.dataset}", code="dataset")
    with open_table(dataset, question.dataset, path.parent) as source:
        tables = (question.new, *question.earlier, *question.others)
        chosen = [_chosen(source, rows) for rows in tables]
        table = source.table.mutate(**{f"t{i}": one for i, one in enumerate(chosen)})
        by = sorted({name for one in tables for name in one.by})
        groups = _groups(source, table, len(tables), by)
        return Answer(
            differences=tuple(
                _difference(source, table, i, sorted({*question.new.by} & {*old.by}))
                for i, old in enumerate(question.earlier, 1)
            ),
            fewest=_fewest(_groups(source, table, len(tables), ())),
            follows=follows([[one.among[i] for i in question.distinct] for one in groups]),
            prints=fingerprints_of(source, question.sets),
            few=any(few(groups, tables, least) for least in question.min_counts),
        )


def _chosen(source: Source, rows: Rows) -> Any:
    """Whether a row is among those of a table: never unknown."""
    unknown = sorted({*rows.present, *rows.by, *(where.columns(where.parse(rows.where)) if rows.where else ())})
    if missing := [name for name in unknown if name not in source.declaration.columns]:
        raise LocalError(f"{source.name}: column {', '.join(missing)} is no longer declared", code="dataset")
    table, holds = source.table, ibis.literal(value=True)
    for name in rows.present:
        holds = holds & (table[source.fault(name)] != MISSING)
    if rows.where:
        holds = holds & predicate(
            where.parse(rows.where), source.declaration, lambda name: table[source.value(name)]
        ).fill_null(False)
    return holds


def _difference(source: Source, table: Any, place: int, by: list[str]) -> Difference:
    """Between the new table and the earlier one at this place, in each cell of the columns that both are by."""
    differing = table.filter(table.t0 != table[f"t{place}"])
    keys = {f"c{i}": differing[source.value(name)].cast("string") for i, name in enumerate(by)}
    rows = source.query(differing.group_by(**keys).aggregate(**_persons(source, differing))).to_pylist() if by else []
    both = source.query(differing.aggregate(**_persons(source, differing))).to_pylist()[0]
    cells = tuple(Cell(values=tuple(row[name] or "" for name in keys), persons=_least(row)) for row in rows)
    return Difference(by=tuple(by), persons=_least(both), cells=tuple(sorted(cells, key=lambda cell: cell.persons)))


def _groups(source: Source, table: Any, tables: int, cells: Sequence[str]) -> list[Group]:
    """The rows that are in the same cells of the same tables."""
    names, keys = [f"t{i}" for i in range(tables)], {f"c{i}": name for i, name in enumerate(cells)}
    values = {key: table[source.value(name)].cast("string") for key, name in keys.items()}
    rows = source.query(table.group_by(*names, **values).aggregate(**_persons(source, table))).to_pylist()
    return [
        Group(tuple(bool(row[name]) for name in names), {name: row[key] for key, name in keys.items()}, _least(row))
        for row in rows
    ]


def _fewest(groups: Sequence[Group]) -> int | None:
    """The persons in the smallest group of rows that are in the same tables, and not in all or none of them."""
    return min((group.persons for group in groups if any(group.among) and not all(group.among)), default=None)


def _persons(source: Source, rows: Any) -> dict[str, Any]:
    keys = [name for name, column in source.declaration.columns.items() if isinstance(column, KeyColumn)]
    return {"n": rows.count()} | {f"k{i}": rows[source.value(name)].nunique() for i, name in enumerate(keys)}


def _least(row: dict[str, Any]) -> int:
    """Of the number of rows and those of different keys; a key that none of the rows has says nothing."""
    return min(int(row["n"]), *(int(row[name]) for name in row if name[0] == "k" and row[name]), sys.maxsize)


if __name__ == "__main__":
    main()
