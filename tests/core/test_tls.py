"""Real handshakes: who gets in, and who is recognised."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from mpcgov.errors import PeerError
from mpcgov.keys import Identity
from mpcgov.spec.roster import Roster
from mpcgov.trust.client import Client
from mpcgov.trust.tls import check_pin, client_context, server_context, shown_certificate
from tests.patience import LONG_S


async def shake(server: Identity, roster: Roster, context: ssl.SSLContext) -> tuple[str, str, bytes]:
    """One connection: the certificates that server and client saw, and the server's first byte."""
    accepted: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(shown_certificate(writer.transport))
        writer.write(b"!")
        await writer.drain()
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(server, roster))
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="")
        try:
            first = await reader.read(1)
            shown = shown_certificate(writer.transport)
        finally:
            writer.close()
        if not first:
            raise ConnectionResetError("the server has hung up")
        return await asyncio.wait_for(accepted, LONG_S), shown, first


async def test_both_ends_know_each_other_by_certificate(identities, roster) -> None:
    context = client_context(identities["welfare"], roster.member("labour"))
    client_shown, server_shown, first = await shake(identities["labour"], roster, context)
    assert first == b"!"
    assert client_shown == roster.member("welfare").certificate_digest
    assert server_shown == roster.member("labour").certificate_digest


def no_certificate(identities, roster) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=roster.member("labour").certificate)
    return context


def unknown_certificate(identities, roster) -> ssl.SSLContext:
    return client_context(identities["stranger"], roster.member("labour"))


def old_version(identities, roster) -> ssl.SSLContext:
    context = client_context(identities["welfare"], roster.member("labour"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def wrong_server(identities, roster) -> ssl.SSLContext:
    return client_context(identities["welfare"], roster.member("education"))


@pytest.mark.parametrize("context", [no_certificate, unknown_certificate, old_version, wrong_server])
async def test_strangers_old_versions_and_wrong_servers_get_nothing(identities, roster, context) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await shake(identities["labour"], roster, context(identities, roster))


async def test_another_members_certificate_is_not_taken_for_the_pinned_one(identities, roster) -> None:
    class Transport:
        def __init__(self, digest_of: str) -> None:
            self.pem = roster.member(digest_of).certificate

        def get_extra_info(self, name: str) -> object:
            return self

        def getpeercert(self, binary_form: bool) -> bytes:
            return ssl.PEM_cert_to_DER_cert(self.pem)

    check_pin(Transport("labour"), roster.member("labour"))
    with pytest.raises(PeerError, match="another certificate than the roster pins"):
        check_pin(Transport("welfare"), roster.member("labour"))


async def test_a_connection_without_tls_has_no_certificate(identities) -> None:
    left, right = socket.socketpair()
    with left, right:
        _, writer = await asyncio.open_connection(sock=left)
        with pytest.raises(PeerError, match="without a certificate"):
            shown_certificate(writer.transport)
        writer.close()


async def test_nobody_redirects_a_client_elsewhere(identities, roster) -> None:
    """Not even to itself under another port, which could be anything in our own network."""
    reached = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1))
        writer.close()

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % target)
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    target = other.sockets[0].getsockname()[1]
    server = await asyncio.start_server(redirect, "127.0.0.1", 0, ssl=server_context(identities["labour"], roster))
    port = server.sockets[0].getsockname()[1]
    labour = roster.member("labour").model_copy(update={"address": f"127.0.0.1:{port}"})
    parties = tuple(labour if card.id == "labour" else card for card in roster.parties)
    async with server, other, Client(identities["welfare"], roster.model_copy(update={"parties": parties})) as client:
        with pytest.raises(PeerError, match="labour: "):
            await client.stream("labour", "/v1/jobs/x/stream")
        with pytest.raises(PeerError, match="labour: "):
            await client.request("labour", "GET", "/v1/about")
    assert reached == []
