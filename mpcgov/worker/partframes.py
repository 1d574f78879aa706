"""What a job's computing child and one of its workers say to each other over a stream, as frames.

A part (JSON, then its arrays), what it says to the other parties' workers and hears from them, and what it comes to.
Both ends are this agency's own, of one version, and each length is checked all the same. Nothing is pickled.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mpcgov.errors import InternalError, SpecError
from mpcgov.linkage import OwnRows
from mpcgov.linkage.sidebyside import Part
from mpcgov.linkage.tags import Texts
from mpcgov.spec.ids import PartyId
from mpcgov.spec.load import Frozen, canonical_json, parse_json
from mpcgov.spec.order import Fault

HEADER = struct.Struct("<BBqQ")
"""Kind, the other party's index, label, length: of the payload, or, of a WANTED, of what is wanted."""

PART, ARRAY, WORDS, WANTED, STOP, STOPPED, DONE, FAILED = range(1, 9)
MOST_BYTES = 1 << 38
TEXT_BYTES = 64 << 20
STREAM_BYTES = 1 << 20
KEY = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Told(Frozen):
    """A part in words, without its rows: of these, the names of columns. `first`: the number before its operations'.

    `keys`: by the indices of a subset's parties, of this part alone. `secret`: of our own list, from which its coins
    follow.
    """

    left: PartyId
    counted: bool
    lengths: dict[PartyId, int]
    shards: int
    label: str
    first: int
    last: int
    keys: dict[str, KEY] = Field(repr=False)
    columns: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    secret: KEY | None = Field(default=None, repr=False)


class Came(Frozen):
    """What a part came to, but for its shares: their shape, the longest chain of rounds, and what tells coins apart."""

    shape: Annotated[tuple[int, ...], Field(strict=False)]
    rounds: int
    coins: dict[str, str]


class Failed(Frozen):
    """Why a part can't be done, by anybody: an error, and whose fault it is, by index, if another party's."""

    fault: Fault | None = None
    wire: str | None = None
    peer: int | None = None


class Pipe:
    """One end of the stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Pipe:
        """Over a connected socket."""
        return cls(*await asyncio.open_connection(sock=sock, limit=STREAM_BYTES))

    def send(self, kind: int, payload: bytes | bytearray | memoryview = b"", peer: int = 0, label: int = 0) -> None:
        """Queues a frame; who has gone doesn't get it."""
        if self.writer.is_closing():
            return
        view = memoryview(payload).cast("B")
        self.writer.write(HEADER.pack(kind, peer, label, view.nbytes))
        if view.nbytes:
            self.writer.write(view)

    def say(self, kind: int, message: Frozen) -> None:
        """Queues a frame of JSON."""
        self.send(kind, canonical_json(message.model_dump(mode="json")))

    def want(self, peer: int, label: int, length: int) -> None:
        """Asks for a message of that length."""
        self.writer.write(HEADER.pack(WANTED, peer, label, length))

    async def head(self) -> tuple[int, int, int, int] | None:
        """The next frame's kind, peer, label and length; None at the end of the stream."""
        try:
            return HEADER.unpack(await self._reader.readexactly(HEADER.size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def payload(self, length: int, most: int = MOST_BYTES) -> bytes:
        """The payload of a frame of which the head was read.

        Raises:
            EOFError: the stream ended. InternalError: it is longer than it may be.
        """
        if length > most:
            raise InternalError("a message between our own processes is too long", code="worker")
        try:
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise EOFError from None

    async def message(self, length: int, model: type[Any]) -> Any:
        """The JSON of a frame of which the head was read."""
        try:
            return parse_json(await self.payload(length, TEXT_BYTES), model, "worker", TEXT_BYTES)
        except SpecError as error:
            raise InternalError(f"a message between our own processes is broken: {error.message}") from None

    async def array(self, dtype: str) -> NDArray[Any]:
        """The next frame, which is an array."""
        head = await self.head()
        if head is None:
            raise EOFError
        if head[0] != ARRAY or head[3] % np.dtype(dtype).itemsize:
            raise InternalError("a message between our own processes isn't the one that belongs here", code="worker")
        return np.frombuffer(await self.payload(head[3]), dtype)


def tell(pipe: Pipe, part: Part, first: int, last: int, keys: Mapping[tuple[int, ...], bytes]) -> None:
    """Queues a part for a worker."""
    own = part.own
    pipe.say(
        PART,
        Told(
            left=part.left,
            counted=part.counted,
            lengths=dict(part.lengths),
            shards=part.shards,
            label=part.label,
            first=first,
            last=last,
            keys={" ".join(map(str, subset)): key.hex() for subset, key in keys.items()},
            columns=None if own is None else tuple(own.columns),
            secret=None if own is None else own.secret.hex(),
        ),
    )
    if own is not None:
        offsets = own.keys.offsets - own.keys.offsets[0]
        data = own.keys.data[own.keys.offsets[0] : own.keys.offsets[-1]]
        for array in (data, offsets, *own.columns.values()):
            pipe.send(ARRAY, np.ascontiguousarray(array).view(np.uint8).data)


async def told(pipe: Pipe, length: int) -> tuple[Told, Part]:
    """A part, of whose first frame the head was read."""
    said: Told = await pipe.message(length, Told)
    own = None
    if said.columns is not None and said.secret is not None:
        data, offsets = await pipe.array("u1"), await pipe.array("<i8")
        columns = {name: await pipe.array("<i8") for name in said.columns}
        own = OwnRows(Texts(data, offsets), columns, 0, bytes.fromhex(said.secret))
    return said, Part(said.left, said.counted, said.lengths, said.shards, said.label, own)


def keys_of(said: Told) -> dict[tuple[int, ...], bytes]:
    """The keys of a part's subsets."""
    return {tuple(map(int, subset.split())): bytes.fromhex(key) for subset, key in said.keys.items()}
