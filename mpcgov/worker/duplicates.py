"""`python -m mpcgov.worker.duplicates DATASETS.yaml NAME ASKED`: which rows of a data set are probably one person's.

For the owner's own terminal. A process of its own, because whoever holds keys loads no data engine. ASKED is one JSON
object: what is compared and how. Its stdout is another: groups of rows, and how good they probably are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.errors import DataError, LocalError
from mpcgov.records.agreement import Encoded, Ints, encoded
from mpcgov.records.duplicates import Duplicates, compared_pairs, duplicates, groups
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.table import Dataset
from mpcgov.worker import texts
from mpcgov.worker.answer import answer
from mpcgov.worker.source import open_table

MOST_PAIRS = 200_000_000


def main() -> None:
    """Judges one data set."""
    answer(lambda: found(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))


def found(path: Path, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The groups and what is estimated of them.

    Args:
        asked: `fields`, of column, type and steps; `blocks`, passes of columns; `least`, the least probability; `by`, a
            column that names rows, and `truth`, one that is the same for one person, or null.

    Raises:
        LocalError: there is no such data set or column. DataError: the data can't be read or compared so.
    """
    dataset = _dataset(path, name)
    fields, blocks = asked["fields"], asked["blocks"]
    named = [column for column in (asked["by"], asked["truth"]) if column is not None]
    columns = dict.fromkeys([*(one["column"] for one in fields), *chain(*blocks), *named])
    _known(name, dataset, columns)
    with open_table(dataset, name, path.parent, set(columns)) as source:
        read = source.query(source.table.select(*(source.value(column) for column in columns)))
        values = {column: read[source.value(column)].combine_chunks() for column in columns}
    compared = [_field(name, one, values[one["column"]]) for one in fields]
    passes = [_blocks([values[column] for column in one]) for one in blocks] if blocks else None
    if (pairs := compared_pairs(len(read), passes)) > MOST_PAIRS:
        raise DataError(
            f"{name}: {pairs:,} pairs to compare; at most {MOST_PAIRS:,}",
            hint="compare only rows that agree in a column, such as --block postcode; several are several passes",
            code="pairs",
        )
    result = duplicates(compared, asked["least"], passes)
    return {
        "rows": len(read),
        "compared": pairs,
        "groups": list(_groups(result, None if asked["by"] is None else _texts(values[asked["by"]]))),
        "precision": result.precision,
        "recall": result.recall,
        "truth": None if asked["truth"] is None else _judged(result, _texts(values[asked["truth"]])),
    }


def _dataset(path: Path, name: str) -> Dataset:
    declared = load_datasets(path).root
    if name not in declared:
        raise LocalError(f"{path}: no data set {name}", hint=f"it declares {', '.join(declared)}")
    return declared[name]


def _known(name: str, dataset: Dataset, columns: Mapping[str, None]) -> None:
    unknown = [column for column in columns if column not in dataset.columns]
    if unknown:
        raise LocalError(
            f"{name}: no column {', '.join(unknown)}", hint=f"it declares {', '.join(dataset.columns)}", code="column"
        )


def _field(name: str, one: Mapping[str, Any], values: pa.Array) -> Encoded:
    field = encoded(one["type"], texts.normalised(values, one["type"], one["steps"]).to_pylist())
    if len(field) and not field.present.any():
        raise DataError(f"{name}: column {one['column']}: nothing of any value is left to compare as a {one['type']}")
    return field


def _texts(values: pa.Array) -> list[str | None]:
    found: list[str | None] = values.cast(pa.large_string()).to_pylist()
    return found


def _blocks(columns: Sequence[pa.Array]) -> Ints:
    """The number of each row's block; −1 if it lacks a value."""
    block = np.zeros(len(columns[0]), np.int64)
    for values in columns:
        coded = pc.dictionary_encode(texts.normalised(values, "code"))
        number, empty = coded.indices.to_numpy(), pc.equal(coded.dictionary, "").to_numpy(zero_copy_only=False)
        _, together = np.unique(np.stack([block, number]), axis=1, return_inverse=True)
        block = np.where((block < 0) | empty[number], -1, together.reshape(-1))
    return block


def _groups(result: Duplicates, names: Sequence[str | None] | None) -> Iterator[dict[str, Any]]:
    """Rows by number from 1, or by name; and the least probability of a pair that was found among them."""
    least: dict[int, float] = {}
    for one, other, chance in zip(result.first.tolist(), result.second.tolist(), result.chance.tolist(), strict=True):
        for row in (one, other):
            least[row] = min(chance, least.get(row, 1.0))
    for group in groups(result):
        shown = [row + 1 if names is None else names[row] for row in group]
        yield {"rows": shown, "least": min(least[row] for row in group)}


def _judged(result: Duplicates, persons: Sequence[str | None]) -> dict[str, float | None]:
    """Precision, recall and F1 of the groups' pairs, by a column that is the same for one person."""
    known: dict[str, int] = {}
    for person in persons:
        if person is not None:
            known[person] = known.get(person, 0) + 1
    there = sum(rows * (rows - 1) // 2 for rows in known.values())
    judged = [
        persons[one] == persons[other]
        for group in groups(result)
        for one, other in combinations([row for row in group if persons[row] is not None], 2)
    ]
    right = sum(judged)
    return {
        "precision": right / len(judged) if judged else None,
        "recall": right / there if there else None,
        "f1": 2 * right / (len(judged) + there) if judged or there else None,
    }


if __name__ == "__main__":
    main()
