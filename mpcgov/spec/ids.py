"""Names of things: parties, columns, data sets, jobs and digests, each with the one pattern it must match."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,62}[a-z0-9]$|^[a-z]$"
IDENTIFIER_PATTERN = r"^[^\W\d]\w{0,62}$"
COLUMN_PATTERN = r"^[^\W\d]\w{0,62}(@\w{1,32})?$"
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
JOB_ID_PATTERN = r"^[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$"


def matching(pattern: str, what: str) -> AfterValidator:
    """A validator for text that must match a pattern as a whole; `what` tells people what is expected."""
    whole = re.compile(pattern)

    def check(value: str) -> str:
        if not whole.fullmatch(value):
            raise ValueError(f"expected {what}")
        return value

    return AfterValidator(check)


_A_NAME = "a name of lower-case letters, digits and hyphens, such as social-security"

PartyId = Annotated[str, matching(NAME_PATTERN, _A_NAME)]
"""An agency, or the coordinator: lower-case letters, digits and hyphens, at most 64."""

ProtocolName = Annotated[str, matching(NAME_PATTERN, _A_NAME)]
DatasetName = Annotated[str, matching(r"[a-z0-9_-]{1,64}", "a name of lower-case letters, digits, - and _")]
"""An id from an agency's own catalogue, never a path."""

ColumnName = Annotated[
    str,
    matching(
        COLUMN_PATTERN,
        "a column name of letters, digits and _, at most 63; another name in the source is given by from",
    ),
]
"""A column as declared; `region@nuts2` is a level of the code list of `region`."""
JobId = Annotated[str, StringConstraints(pattern=JOB_ID_PATTERN)]
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""`sha256:` and 64 hexadecimal digits."""
StreamDigest = Annotated[str, StringConstraints(pattern=r"^(blake3|sha256):[0-9a-f]{64}$")]
"""Of all that went over a stream one way; older receipts have SHA-256."""

ProtocolRef = Annotated[
    str, matching(r"[a-z][a-z0-9-]{0,63}(@sha256:[0-9a-f]{64})?", "a protocol's name, or name@sha256:…")
]
"""A protocol by name, or pinned to one version: `joint-count@sha256:…`."""


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in the form in which digests are signed and compared."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def short(value: str) -> str:
    """A digest cut for people: enough to tell two apart on a screen."""
    return value[:19] + "…" if re.match(DIGEST_PATTERN, value) else value
