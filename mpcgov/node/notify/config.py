"""`notify` in node.yaml: who is told of what, and how. Secrets are in files of the home, never in this one."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mpcgov.errors import LocalError
from mpcgov.spec.load import Frozen
from mpcgov.spec.roster import Address, is_local

Event = Literal["waiting", "decided", "failed", "released", "budget", "certificate"]
Language = Literal["en", "de"]
SECRETS = "secrets"
SECRET_LIMIT_BYTES = 4096
LEAST_SECRET_BYTES = 16

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""The name of a file in the home's `secrets/`."""
MailAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}$")]


def safe_url(url: str) -> str:
    """An address that secrets may be sent to."""
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc or not url.isprintable() or " " in url or parts.fragment:
        raise ValueError("expected an address such as https://alerts.tax.example.gov/mpcgov, without a password in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local(parts.hostname)):
        raise ValueError("https only, but for this machine itself")
    return url


class Webhook(Frozen):
    """Where notices are posted, the file of the secret that signs them, and the CA if it isn't a public one."""

    url: Annotated[str, Field(max_length=2000), AfterValidator(safe_url)]
    secret: FileName
    ca: str | None = None


class Email(Frozen):
    """The mail server, who writes, and who is written to; `password`: the name of a file."""

    server: Address
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: MailAddress
    to: Annotated[tuple[MailAddress, ...], Field(strict=False, min_length=1, max_length=50)]
    user: Annotated[str, Field(max_length=200)] | None = None
    password: FileName | None = None
    ca: str | None = None

    @model_validator(mode="after")
    def _sound(self) -> Email:
        if self.tls == "none" and not is_local(self.server.rpartition(":")[0]):
            raise ValueError("tls: none only for a mail server on this machine")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        return self


class Notify(Frozen):
    """Who is told of what."""

    language: Language = "en"
    events: Annotated[tuple[Event, ...], Field(strict=False, min_length=1)] = get_args(Event)
    webhook: Webhook | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Notify:
        if self.webhook is None and self.email is None:
            raise ValueError("name a webhook, an email, or both")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """The ways in which notices go."""
        return tuple(name for name in ("webhook", "email") if getattr(self, name) is not None)


def secret(home: Path, name: str) -> bytes:
    """A secret from its file, without the end of its line.

    Raises:
        LocalError: it can't be read, or others could read it.
    """
    path = home / SECRETS / name
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        found = path.read_bytes().strip()
    except OSError as error:
        raise LocalError(
            f"{path}: can't be read ({error.strerror})", hint="node.yaml names it", code="notify"
        ) from None
    if mode & 0o077:
        raise LocalError(f"{path}: readable by others", hint=f"chmod 600 {path}", code="notify")
    if not found or len(found) > SECRET_LIMIT_BYTES or b"\n" in found:
        raise LocalError(f"{path}: not one line", hint="a secret is one line of text", code="notify")
    return found


def signing_secret(home: Path, name: str) -> bytes:
    """A secret that is long enough to sign with.

    Raises:
        LocalError: it isn't, or see `secret`.
    """
    found = secret(home, name)
    if len(found) < LEAST_SECRET_BYTES:
        path = home / SECRETS / name
        raise LocalError(f"{path}: shorter than 16 characters", hint="openssl rand -hex 32", code="notify")
    return found
