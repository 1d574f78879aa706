"""An owner's rows of a linked job, whole or a part of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgov.linkage.tags import Texts
from mpcgov.linked.divisions import with_parts
from mpcgov.mpc.word.stream import private_key


@dataclass(frozen=True)
class OwnRows:
    """An owner's rows: distinct keys, and its columns as whole numbers, categories as places in their values.

    `more`: how many rows more than these its list is said to have, before its length is rounded up. `secret`: 32 bytes
    that nobody else has, from which follow the coins that hide how many match; the same only for the same rows.
    """

    keys: Texts
    columns: Mapping[str, NDArray[np.int64]]
    more: int = 0
    secret: bytes = field(default_factory=private_key, repr=False)

    def part(self, chosen: NDArray[np.bool_]) -> OwnRows:
        """Some of the rows, in their order."""
        buffers = [None, pa.py_buffer(self.keys.offsets), pa.py_buffer(self.keys.data)]
        keys = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(self.keys), buffers).filter(pa.array(chosen))
        _, offsets, data = keys.buffers()
        texts = Texts(np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64)[: len(keys) + 1])
        columns = {name: column[chosen].astype(np.int64) for name, column in self.columns.items()}
        return replace(self, keys=texts, columns=columns)

    def with_parts(self, names: Collection[str], groups: NDArray[np.int64]) -> OwnRows:
        """The same, with columns that say which rows are in a part of another, by all rows of its group."""
        return replace(self, columns=with_parts(self.columns, names, groups))

    def narrowed(self) -> OwnRows:
        """The same, each column of as few bytes as its numbers take: `part` makes words of them again."""
        return replace(self, columns={name: _narrow(column) for name, column in self.columns.items()})


def _narrow(column: NDArray[np.int64]) -> NDArray[Any]:
    if not len(column):
        return column
    return column.astype(np.result_type(*map(np.min_scalar_type, (column.min(), column.max()))), copy=False)
