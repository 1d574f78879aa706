"""The ways a notice goes: a webhook, signed; a mail server. Both in bounded time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

import aiohttp

from mpcgov.errors import LocalError, PeerError
from mpcgov.node.home import host_port
from mpcgov.node.notify.config import Email, Webhook, secret, signing_secret
from mpcgov.node.notify.letters import Letter

TIMEOUT_S = 10.0
MAIL_S = 30.0
"""For a whole mail; of each answer in it the server is given `TIMEOUT_S`."""
SIGNATURE = "X-Mpcgov-Signature"


def signature(key: bytes, at: int, body: bytes) -> str:
    """What a receiver computes again: HMAC-SHA256 over the time, a full stop, and the body. Old times are replays."""
    return f"t={at},v1={hmac.new(key, b'%d.%b' % (at, body), hashlib.sha256).hexdigest()}"


async def post(home: Path, webhook: Webhook, body: bytes) -> None:
    """Posts a notice.

    Raises:
        PeerError: it wasn't taken. LocalError: the secret or the CA can't be read.
    """
    at = int(time.time())
    headers = {"Content-Type": "application/json"}
    headers[SIGNATURE] = signature(signing_secret(home, webhook.secret), at, body)
    try:
        timeout, context = aiohttp.ClientTimeout(total=TIMEOUT_S), tls_context(home, webhook.ca)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            request = session.post(webhook.url, data=body, headers=headers, allow_redirects=False, ssl=context)
            async with request as answer:
                status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PeerError(f"webhook: can't be reached ({type(error).__name__})", hint="see node.yaml") from None
    if not 200 <= status < 300:
        raise PeerError(f"webhook: answers {status}", hint="a notice is taken with 2xx", code="notify")


async def mail(home: Path, email: Email, written: Letter, number: int, party: str) -> None:
    """Sends a notice by mail.

    Raises:
        PeerError: the server didn't take it. LocalError: the password or the CA can't be read.
    """
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = written.subject, email.sender, ", ".join(email.to)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{party}-{number}.notices@{email.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(written.text)
    password = secret(home, email.password).decode() if email.password else ""
    context = tls_context(home, email.ca)
    try:
        async with asyncio.timeout(MAIL_S):
            await _left_alone(lambda: _send(email, message, password, context))
    except smtplib.SMTPException as error:
        raise PeerError(f"mail: the server refuses ({type(error).__name__})", hint="see node.yaml") from None
    except OSError as error:
        raise PeerError(f"mail: can't be reached ({type(error).__name__})", hint="see node.yaml") from None


async def _left_alone(work: Callable[[], None]) -> None:
    """Works in a thread of its own, which nobody waits for once this is cancelled.

    An event loop's end waits for the loop's own threads, and a server that hangs must not hold up a node that stops.
    """
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            work()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    await asyncio.wrap_future(done)


def _send(email: Email, message: EmailMessage, password: str, context: ssl.SSLContext) -> None:
    host, port = host_port(email.server)
    if email.tls == "tls":
        connected: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
    else:
        connected = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    with connected as server:
        if email.tls == "starttls":
            server.starttls(context=context)
        if email.user is not None:
            server.login(email.user, password)
        server.send_message(message)


def tls_context(home: Path, ca: str | None) -> ssl.SSLContext:
    """How a server is known: by the system's certificates, or by those of a file in the home.

    Raises:
        LocalError: they can't be read.
    """
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(home / ca))
    except (OSError, ssl.SSLError):
        raise LocalError(f"{home / str(ca)}: no certificates can be read", hint="see node.yaml") from None
