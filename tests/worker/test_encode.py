"""The pipe between the two children: what is within bounds comes out as it went in, and nothing else passes."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.worker.encode import Encoding, Field, read_counts, read_numbers, write, write_counts

TWO = Encoding((Field("a", -5, 5), Field("b", 0, 2**60)), 3)


def numbers(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def written(counts: NDArray[np.int64], max_rows: int) -> bytes:
    stream = io.BytesIO()
    write_counts(stream, counts, max_rows)
    return stream.getvalue()


def reader(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data))


def arrow(schema: pa.Schema, *batches: list[Any]) -> bytes:
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, schema) as out:
        for columns in batches:
            out.write_batch(pa.record_batch(columns, schema=schema))
    return stream.getvalue()


@pytest.mark.parametrize("cells", [1, 2, 131_072, 131_073, 1_000_000])
def test_counts_come_out_of_a_pipe_as_they_went_in(cells: int) -> None:
    counts = np.random.default_rng(cells).integers(0, 10, cells)
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as source, os.fdopen(theirs, "wb") as sink:

        def send() -> None:
            write_counts(sink, counts, int(counts.sum()))
            sink.close()

        writer = threading.Thread(target=send)
        writer.start()
        found = read_counts(source, cells, int(counts.sum()))
        writer.join()
    assert found is not None
    assert found.dtype == np.int64
    assert np.array_equal(found, counts)


def test_batches_are_at_most_a_mebibyte() -> None:
    sizes = [batch.nbytes for batch in pa.ipc.open_stream(written(np.zeros(300_000, dtype=np.int64), 0))]
    assert sizes == [1 << 20, 1 << 20, 2_400_000 - (2 << 20)]


def test_several_columns_keep_their_names_and_bounds() -> None:
    stream = io.BytesIO()
    columns = {"a": numbers(-5, 0, 5), "b": numbers(0, 1, 2**60)}
    write(stream, TWO, columns)
    found = read_numbers(reader(stream.getvalue()), TWO)
    assert found is not None
    assert {name: column.tolist() for name, column in found.items()} == {"a": [-5, 0, 5], "b": [0, 1, 2**60]}


def test_the_child_that_computes_has_loaded_all_that_it_reads_with() -> None:
    code = (
        "import sys\nfrom mpcgov.worker import __main__, withheld\nwithheld.withhold()\n"
        "__main__._loaded('run')\nbefore = {*sys.modules}\n"
        "from mpcgov.worker.encode import read_counts\n"
        "print(read_counts(sys.stdin.buffer, 3, 6), sorted({*sys.modules} - before))\n"
        "import pyarrow\nprint(pyarrow.array(['key']).to_numpy(zero_copy_only=False))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=written(numbers(1, 2, 3), 6), stdout=-1, check=True)
    assert done.stdout == b"[1 2 3] []\n['key']\n"


def test_an_end_before_the_beginning_is_no_counts() -> None:
    assert read_counts(reader(b""), 3, 10) is None


@pytest.mark.parametrize(
    ("counts", "max_rows", "message"),
    [
        (numbers(0, -1), 10, "out of its declared bounds"),
        (numbers(0, 11), 10, "out of its declared bounds"),
        (numbers(6, 5), 10, "the sum is over its declared bound"),
        (numbers(2**62, 2**62, 2**62), 2**62, "the sum is over its declared bound"),
        (numbers(1, 2).astype(np.int32), 10, "not 2 whole numbers"),
        (numbers(1, 2).reshape(2, 1), 10, "not 2 whole numbers"),
    ],
)
def test_what_is_out_of_bounds_is_not_written(counts: NDArray[np.int64], max_rows: int, message: str) -> None:
    stream = io.BytesIO()
    with pytest.raises(InternalError, match=message):
        write_counts(stream, counts, max_rows)
    assert stream.getvalue() == b""


@pytest.mark.parametrize(("a", "fine"), [(4, True), (5, True), (6, False), (-5, True), (-6, False)])
def test_the_bounds_themselves_are_within(a: int, fine: bool) -> None:
    columns = {"a": numbers(0, 0, a), "b": numbers(0, 0, 0)}
    if fine:
        write(io.BytesIO(), TWO, columns)
    else:
        with pytest.raises(InternalError, match=r"^a: a number is out of its declared bounds$"):
            write(io.BytesIO(), TWO, columns)


def test_other_columns_than_agreed_are_not_written() -> None:
    for columns in ({"a": numbers(1, 2, 3)}, {"b": numbers(1, 2, 3), "a": numbers(1, 2, 3)}):
        with pytest.raises(InternalError, match="aren't those of the encoding"):
            write(io.BytesIO(), TWO, columns)


COUNT = pa.schema([pa.field("c0", pa.int64(), nullable=False)])
UNSIGNED = pa.schema([pa.field("c0", pa.uint64(), nullable=False)])
LOOSE = pa.schema([pa.field("c0", pa.int64())])
GOOD = arrow(COUNT, [pa.array([1, 2])], [pa.array([3])])


def test_the_stream_of_the_hostile_cases_is_itself_fine() -> None:
    found = read_counts(reader(GOOD), 3, 10)
    assert found is not None
    assert found.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\0", "are damaged"),
        (b"nonsense" * 100, "are damaged"),
        (GOOD[:60], "are damaged"),
        (GOOD[: len(GOOD) // 2], "are damaged"),
        (arrow(COUNT), "are damaged"),
        (arrow(COUNT, [pa.array([1, 2])]), "are damaged"),
        (arrow(COUNT, [pa.array([1, 2, 3, 4])]), "are damaged"),
        (arrow(COUNT, [pa.array([1, 2, 3])], [pa.array([4])]), "are damaged"),
        (GOOD + b"x", "are damaged"),
        (GOOD + GOOD, "are damaged"),
        (arrow(LOOSE, [pa.array([1, 2, 3])]), "are damaged"),
        (arrow(COUNT.with_metadata({"rows": "secret"}), [pa.array([1, 2, 3])]), "are damaged"),
        (arrow(pa.schema([pa.field("other", pa.int64(), nullable=False)]), [pa.array([1, 2, 3])]), "are damaged"),
        (arrow(UNSIGNED, [pa.array([1, 2, 3], pa.uint64())]), "are damaged"),
        (arrow(COUNT, [pa.array([1, None, 3])]), "are damaged"),
        (arrow(COUNT, [pa.array([1, -2, 3])]), "out of its declared bounds"),
        (arrow(COUNT, [pa.array([9, 9, 9])]), "the sum is over"),
    ],
)  # fmt: skip
def test_a_stream_that_is_not_exactly_as_agreed_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InternalError, match=message) as caught:
        read_counts(reader(data), 3, 10)
    assert caught.value.__context__ is None


def test_a_reader_that_is_gone_is_an_error_of_ours() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    sink = os.fdopen(theirs, "wb")
    with pytest.raises(InternalError, match="stopped before it had the data"):
        write_counts(sink, np.zeros(1_000_000, dtype=np.int64), 0)
    with contextlib.suppress(BrokenPipeError):  # what is still in its buffer
        sink.close()
