"""Where the console is served, at which address browsers see it, and where its people sign in."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mpcgov.node.notify.config import FileName, safe_url
from mpcgov.spec.load import Frozen
from mpcgov.spec.roster import LocalAddress

Role = Literal["viewer", "approver", "policy-editor", "operator"]
"""viewer: looks. approver: says yes or no to jobs. policy-editor: looks after the policy. operator: keeps the node."""

ROLES: tuple[Role, ...] = get_args(Role)

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


Claim = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]


class ProviderConfig(Frozen):
    """`console.provider` in node.yaml: the agency's OpenID provider, by which its people sign in.

    `secret`: the file in `secrets/` with what the provider gave this client; None if it gave nothing. `roles`: which
    value of the claim `role_claim` gives which role; of several, the first one here counts. Without them only people
    come in who were added with their account. `name_claim`: what those are called who come by a role. `scopes`: what is
    asked for besides `openid`. `ca`: of the provider's certificate, if it isn't a public one.
    """

    issuer: Annotated[str, Field(max_length=500), AfterValidator(safe_url)]
    client_id: Claim
    secret: FileName | None = None
    role_claim: Claim | None = None
    roles: dict[str, Role] = Field(default_factory=dict)
    name_claim: Claim = "preferred_username"
    scopes: Annotated[tuple[Claim, ...], Field(strict=False, max_length=20)] = ("profile",)
    ca: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> ProviderConfig:
        if (self.role_claim is None) != (not self.roles):
            raise ValueError("role_claim and roles go together")
        if urlsplit(self.issuer).query:
            raise ValueError("an issuer has no ? in it")
        return self

    def role(self, claims: Mapping[str, Any]) -> Role | None:
        """The role that an account's claims give; None if they give none."""
        found = claims.get(self.role_claim) if self.role_claim is not None else None
        values = found if isinstance(found, list) else [found]
        return next((role for value, role in self.roles.items() if value in values), None)


class ConsoleConfig(Frozen):
    """`console` in node.yaml. `origin`: where browsers see it, if a proxy with TLS stands before it. `provider`: where
    people sign in; None: here, with their passkeys."""

    listen: LocalAddress = LISTEN
    origin: Annotated[str, AfterValidator(_origin)] | None = None
    provider: ProviderConfig | None = None

    @property
    def seen_at(self) -> str:
        """The origin that browsers must name; passkeys are bound to it."""
        return self.origin or f"http://localhost:{self.listen.rpartition(':')[2]}"

    @property
    def site(self) -> str:
        """The name that passkeys are made for."""
        return urlsplit(self.seen_at).hostname or ""
