"""Where the console is served, and at which address browsers see it."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from mpcgov.spec.load import Frozen
from mpcgov.spec.roster import LocalAddress

LISTEN = "127.0.0.1:7180"


def _origin(text: str) -> str:
    """An origin as browsers write it, of a site at which passkeys work."""
    parts = urlsplit(text)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "localhost")
    try:
        whole = f"{parts.scheme}://{parts.netloc}" == text == text.lower() and "@" not in text and bool(parts.hostname)
        named = _is_name(parts.hostname or "")
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        whole = whole and parts.port != usual
    except ValueError:
        whole = named = False
    if not (secure and whole and named):
        raise ValueError("expected what a browser shows, such as https://mpc.tax.example: https, a name, no path")
    return text


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


class ConsoleConfig(Frozen):
    """`console` in node.yaml. `origin`: where browsers see it, if a proxy with TLS stands before it."""

    listen: LocalAddress = LISTEN
    origin: Annotated[str, AfterValidator(_origin)] | None = None

    @property
    def seen_at(self) -> str:
        """The origin that browsers must name; passkeys are bound to it."""
        return self.origin or f"http://localhost:{self.listen.rpartition(':')[2]}"

    @property
    def site(self) -> str:
        """The name that passkeys are made for."""
        return urlsplit(self.seen_at).hostname or ""
