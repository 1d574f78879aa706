"""TLS between members of a consortium: 1.3 only, mutual, every certificate pinned by the roster.

Nobody's name is read from the wire: who a peer is follows from the certificate it showed, compared by SHA-256 with
the roster after each handshake, before the first request or frame.
"""

from __future__ import annotations

import ssl
from typing import Any

from mpcgov.errors import PeerError
from mpcgov.keys import Identity
from mpcgov.spec.ids import digest
from mpcgov.spec.roster import Card, Roster


def server_context(identity: Identity, roster: Roster) -> ssl.SSLContext:
    """Accepts clients that hold the key of a certificate in the roster, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # A resumed session would skip the certificate that the pin is compared with.
    context.num_tickets = 0
    context.load_cert_chain(identity.certificate_path, identity.tls_key_path)
    for card in (*roster.parties, roster.coordinator):
        context.load_verify_locations(cadata=card.certificate)
    return context


def client_context(identity: Identity, peer: Card) -> ssl.SSLContext:
    """Talks to the one member whose certificate this is; the pin replaces the host name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=peer.certificate)
    context.load_cert_chain(identity.certificate_path, identity.tls_key_path)
    return context


def shown_certificate(transport: Any) -> str:
    """The SHA-256 of the certificate that the other end of a TLS transport showed.

    Raises:
        PeerError: not TLS, or no certificate.
    """
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if not certificate:
        raise PeerError("a connection without a certificate", code="tls")
    return digest(certificate)


def check_pin(transport: Any, peer: Card) -> None:
    """Nothing, if the other end showed the certificate that the roster pins for `peer`.

    Raises:
        PeerError: it showed another.
    """
    if shown_certificate(transport) != peer.certificate_digest:
        raise PeerError(
            f"{peer.id}: showed another certificate than the roster pins",
            hint="make sure you talk to the right machine; if its keys changed, make a new roster",
            code="tls",
        )
