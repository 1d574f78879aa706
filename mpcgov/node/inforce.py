"""The policy that people have agreed to, as `state/policy.json` has it, and whether `policy.yaml` is that.

A policy under which two people must say yes is changed by two people, too: whoever could put `approvals: 1` there, and
back, would be two. So once such a policy is in force, another text of `policy.yaml` allows nothing until two people
have agreed to it (`mpcgov.node.policies`). Under any other policy the file is what is in force, as one person may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mpcgov import files
from mpcgov.errors import SpecError
from mpcgov.spec.ids import Digest, digest
from mpcgov.spec.load import Frozen, read_text
from mpcgov.spec.policy import Policy

FILE = "policy.json"


class InForce(Frozen):
    """`text`: as people have agreed to it. `approvals`: how many people it takes to change it. `digests`: of the texts
    that `policy.yaml` may have: of this one, and of the one before while the file is being replaced."""

    approvals: Literal[1, 2]
    digests: tuple[Digest, ...]
    text: str

    @property
    def digest(self) -> str:
        """The digest of the text."""
        return digest(self.text.encode())


def read(state: Path) -> InForce | None:
    """What is in force by people's agreement; None if nobody was ever asked for one.

    Raises:
        SpecError: it can't be read.
    """
    path = state / FILE
    try:
        # Written here, so without the limits for what strangers send: a text that was adopted can be read again.
        return InForce.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise SpecError(f"{path}: can't be read", code="file") from None


def adopt(state: Path, text: str, policy: Policy) -> None:
    """This text is in force from now on."""
    _write(state, InForce(approvals=policy.approvals, digests=(digest(text.encode()),), text=text))


def replace(state: Path, policy_path: Path, text: str, policy: Policy) -> None:
    """This text is in force from now on, and in `policy.yaml`; whoever reads meanwhile finds the one or the other."""
    before, new = read(state), digest(text.encode())
    if before is not None and before.approvals > 1:
        # Tried again and again where the file can't be written: each digest once.
        _write(state, InForce(approvals=2, digests=tuple(dict.fromkeys((new, *before.digests))), text=text))
    files.replace(policy_path, text.encode())
    adopt(state, text, policy)


def allows(state: Path, found: str, before: InForce | None) -> bool | None:
    """Whether a text of this digest may be what `policy.yaml` has; None if another is just being put there.

    Args:
        before: what was in force just before the file was read.

    Raises:
        SpecError: what is in force can't be read.
    """
    if before is None or before.approvals < 2 or found in before.digests:
        return True
    return False if read(state) == before else None


def _write(state: Path, what: InForce) -> None:
    files.replace(state / FILE, what.model_dump_json().encode(), 0o600)


def text_of(path: Path) -> str | None:
    """What a file says, whatever it is; None if it can't be read."""
    try:
        return read_text(path)
    except SpecError:
        return None
