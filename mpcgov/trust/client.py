"""Requests to the nodes of a consortium, over pinned TLS; used by coordinator and nodes alike."""

from __future__ import annotations

import asyncio
import io
import weakref
from types import TracebackType
from typing import Any, Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from mpcgov.errors import LocalError, MpcgovError, PeerError, Refused, SpecError, one_line
from mpcgov.keys import Identity, expired
from mpcgov.spec.load import IN_LOOP_BYTES, json_value
from mpcgov.spec.roster import Card, Roster
from mpcgov.trust.tls import check_pin, client_context

CONNECT_TIMEOUT_S = 5.0
HEARTBEAT_S = 4.0
"""A silent peer of a stream is found within 1.5 heartbeats."""

REPLY_LIMIT_BYTES = 32 << 20
"""What a node may answer at most, where it isn't asked for the share of a large result; reading it takes our time."""

FRAME_LIMIT_BYTES = 1 << 20
NEW_ROSTER = "it needs new keys, and the consortium a new roster: docs/operations.md"


class _PinnedConnector(aiohttp.TCPConnector):
    """Connects to one member's address and no other, wherever an answer may redirect to; compares its certificate with
    the roster before anything is sent."""

    def __init__(self, identity: Identity, peer: Card) -> None:
        super().__init__(ssl=client_context(identity, peer), limit=16)
        self._peer = peer
        self._made: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    async def _create_connection(self, req: aiohttp.ClientRequest, *args: Any, **kwargs: Any) -> ResponseHandler:
        if req.url.origin() != URL(f"https://{self._peer.address}"):
            raise aiohttp.ClientConnectionError("redirected elsewhere")
        protocol = await super()._create_connection(req, *args, **kwargs)
        if protocol.transport is not None:
            self._made.add(protocol.transport)
        check_pin(protocol.transport, self._peer)
        return protocol

    def cut(self) -> None:
        """Ends what is still being closed: a peer that doesn't answer a goodbye in TLS holds the socket for 30 s."""
        for transport in self._made:
            transport.abort()


class Carrier(Protocol):
    """How the bytes of requests and streams reach the other members: `PinnedTls`, or a simulated network.

    Where nothing arrives, or no answer comes back, it raises what aiohttp raises, `OSError` or `TimeoutError`.
    """

    async def exchange(
        self, card: Card, method: str, path: str, body: bytes | None, timeout_s: float, limit_bytes: int
    ) -> tuple[int, bytes]:
        """The HTTP status and the body of a member's answer, which is at most so long."""

    async def stream(self, card: Card, path: str) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket to a member's node."""

    async def close(self) -> None:
        """Gives all connections back."""


class PinnedTls:
    """This identity's connections to the other members, one pinned session each."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def exchange(
        self, card: Card, method: str, path: str, body: bytes | None, timeout_s: float, limit_bytes: int
    ) -> tuple[int, bytes]:
        """See `Carrier`."""
        # As a file: aiohttp warns of long bytes.
        sent = None if body is None else io.BytesIO(body)
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_TIMEOUT_S, timeout_s))
        async with self._session(card).request(
            method, f"https://{card.address}{path}", data=sent, timeout=timeout, allow_redirects=False
        ) as response:
            return response.status, await _read(response, limit_bytes)

    async def stream(self, card: Card, path: str) -> aiohttp.ClientWebSocketResponse:
        """See `Carrier`."""
        return await self._session(card).ws_connect(
            f"https://{card.address}{path}",
            timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            heartbeat=HEARTBEAT_S,
            compress=0,
            max_msg_size=FRAME_LIMIT_BYTES,
        )

    async def close(self) -> None:
        """See `Carrier`."""
        for session in self._sessions.values():
            connector = session.connector
            await session.close()
            if isinstance(connector, _PinnedConnector):
                connector.cut()
        # Sockets are closed in the loop's next turn, which may be its last.
        await asyncio.sleep(0)

    def _session(self, card: Card) -> aiohttp.ClientSession:
        if card.id not in self._sessions:
            connector = _PinnedConnector(self._identity, card)
            # No node packs its answers; unpacking what a hostile one packed could take all memory at once.
            self._sessions[card.id] = aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False)
        return self._sessions[card.id]


class Client:
    """This identity's requests to the other members. Use as `async with`."""

    def __init__(self, identity: Identity, roster: Roster, carrier: Carrier | None = None) -> None:
        self._identity = identity
        self._roster = roster
        self._carrier = carrier or PinnedTls(identity)

    @property
    def identity(self) -> Identity:
        """Whose requests they are."""
        return self._identity

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._carrier.close()

    async def request(
        self,
        party: str,
        method: str,
        path: str,
        body: bytes | None = None,
        timeout_s: float = 10.0,
        limit_bytes: int = REPLY_LIMIT_BYTES,
    ) -> Any:
        """The JSON that a party's node answers.

        Raises:
            MpcgovError: what the node itself answered, with the party's name in front.
            PeerError: it can't be reached, or answers nonsense.
        """
        card = self._roster.member(party)
        try:
            status, data = await self._carrier.exchange(card, method, path, body, timeout_s, limit_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(card, error) from None
        if len(data) > IN_LOOP_BYTES:
            return await asyncio.to_thread(self._answer, card.id, status, data, limit_bytes)
        return self._answer(card.id, status, data, limit_bytes)

    async def stream(self, party: str, path: str) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket to a party's node, for the bytes of one job.

        Raises:
            PeerError: it can't be reached, or refuses.
        """
        card = self._roster.member(party)
        try:
            return await self._carrier.stream(card, path)
        except aiohttp.WSServerHandshakeError as error:
            raise PeerError(f"{card.id}: refused the stream ({error.status})", code="stream") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(card, error) from None

    def _unreachable(self, card: Card, error: Exception) -> PeerError:
        reason, hint = "no connection", "is its node running and reachable?"
        if isinstance(error, TimeoutError):
            reason = "no answer in time"
        elif over := expired(card.certificate):
            reason, hint = f"TLS failed: its certificate expired on {over}", NEW_ROSTER
        elif over := expired(self._identity.card.certificate):
            reason, hint = f"TLS failed: the certificate of {self._identity.name} expired on {over}", NEW_ROSTER
        elif isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            reason = "TLS failed: not the certificate that the roster pins"
        return PeerError(f"{card.id}: {reason} at {card.address}", hint=hint, code="unreachable")

    def _answer(self, party: str, status: int, data: bytes, limit_bytes: int) -> Any:
        try:
            value = json_value(data, f"{party}: answer", limit_bytes)
        except SpecError as error:
            raise PeerError(f"{error.message} (HTTP {status})", code="answer") from None
        if status == 200:
            return value
        told = value.get("error") if isinstance(value, dict) else None
        if not isinstance(told, dict):
            raise PeerError(f"{party}: answered HTTP {status}", code="answer")
        message, hint, code = (one_line(told.get(key, "")) for key in ("message", "hint", "code"))
        raise self._refusal(party, status, message, hint, code)

    def _refusal(self, party: str, status: int, message: str, hint: str, code: str) -> MpcgovError:
        """What a node's refusal means to who asks: that is for this side to say, by the kind of request it was."""
        kind = {403: Refused, 409: PeerError, 500: PeerError}.get(status, LocalError)
        return kind(named(party, message), hint=hint, code=code)


def named(speaker: str, text: str) -> str:
    """What a member said, with its name in front, unless the text begins with its name already."""
    return text if text.startswith((f"{speaker}: ", f"{speaker} ", f"{speaker}'s ")) else f"{speaker}: {text}"


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        data.extend(chunk)
        if len(data) > limit_bytes:
            raise aiohttp.ClientPayloadError("too long")
    return bytes(data)
