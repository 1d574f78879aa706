"""What may be asked at the desk, each question with what it must name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mpcgov.spec.assertion import Said
from mpcgov.spec.ids import JobId
from mpcgov.spec.load import Frozen

Token = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=200)]
POLICY_LIMIT = 20_000
Credential = dict[str, Any]
"""What a browser's authenticator answers; `mpcgov.node.desk.passkeys` says whether it holds."""


class About(Frozen):
    """Whose desk this is, and at which address people are to see the console. Anybody may ask."""


class ToSignIn(Frozen):
    """What a passkey must sign so that its person is signed in. Anybody may ask."""


class SignIn(Frozen):
    """A passkey's answer to that."""

    ticket: Token
    credential: Credential


class ToEnrol(Frozen):
    """What a browser needs to make the passkey of whoever holds a link."""

    link: Token


class Enrol(Frozen):
    """The new passkey."""

    ticket: Token
    credential: Credential


class ToProvider(Frozen):
    """Where a browser is to go so that its person signs in at the agency's provider. Anybody may ask."""

    browser: Token


class FromProvider(Frozen):
    """What it comes back with: an answer to `state`, or what kept the provider from giving one."""

    browser: Token
    state: Token
    code: Annotated[str, Field(max_length=2000)] = ""
    issuer: Annotated[str, Field(max_length=500)] = ""


class Signed(Frozen):
    """Of any question that somebody asks who has signed in."""

    session: Token


class Listed(Signed):
    """A page of jobs."""

    which: Literal["waiting", "all"]
    page: Annotated[int, Field(ge=0, le=10**6)] = 0
    text: Annotated[str, Field(pattern=r"^[a-z2-7-]{0,14}$")] = ""


class OneJob(Signed):
    """A job."""

    job: JobId


class AuditPage(Signed):
    """A page of the audit log."""

    before: Annotated[int, Field(ge=0, lt=2**63)] = 0
    text: Text = ""


class ToDecide(Signed):
    """What a passkey must sign to say yes or no to a job."""

    job: JobId
    said: Said
    reason: Annotated[str, Field(max_length=1000)] = ""


class Decide(Signed):
    """A passkey's answer to that."""

    ticket: Token
    credential: Credential


class PolicyText(Signed):
    """The text of a policy."""

    text: Annotated[str, Field(max_length=POLICY_LIMIT)]


class ToAgree(Signed):
    """What a passkey must sign to agree to a policy: to this text, or to the one of a digest."""

    text: Annotated[str, Field(max_length=POLICY_LIMIT)] = ""
    digest: Annotated[str, Field(max_length=80)] = ""


QUESTIONS: dict[str, type[Frozen]] = {
    "about": About, "to_sign_in": ToSignIn, "sign_in": SignIn, "to_enrol": ToEnrol, "enrol": Enrol,
    "to_provider": ToProvider, "from_provider": FromProvider, "to_enrol_own": Signed, "sign_out": Signed, "who": Signed,
    "jobs": Listed, "job": OneJob, "datasets": Signed, "budgets": Signed, "health": Signed, "audit": AuditPage,
    "audit_verified": Signed, "people": Signed, "to_decide": ToDecide, "decide": Decide,
    "policy": Signed, "policy_checked": PolicyText, "to_agree": ToAgree, "agree": Decide, "withdraw_policy": Signed,
    "restore_policy": Signed,
}  # fmt: skip
