"""Every failure mpcgov reports, in one tree.

    MpcgovError                    code, message, hint, exit status
    ├── InternalError        1     our bug: something that must not happen did
    ├── LocalError           2     we were asked wrongly: bad job, configuration or data
    │   ├── SpecError        2       a file or statement that doesn't say what it must (collects all faults)
    │   └── DataError        2       a data set that isn't what its declaration says (counts only, never values)
    ├── Refused              3     a decision, not an error: a policy, a person or a missing right said no
    └── PeerError            4     another party failed, misbehaved, or time ran out

A message says what and where; a hint says what to do. Neither ever holds a data value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

TEXT_LIMIT = 4000

MEMORY, PROGRAM = "memory", "program"
ALIKE = frozenset({MEMORY, PROGRAM})
"""Codes of local faults that every party finds alike, from what all of them know: not about anybody's data."""


class MpcgovError(Exception):
    """A failure with a stable code for programs, one line for people, and an exit status for shells."""

    code = "error"
    exit_status = 1

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def line(self) -> str:
        """The one line that people read: what and where, then what to do."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def to_json(self) -> dict[str, Any]:
        """The form that programs read: {code, message, hint, exit_status}."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "exit_status": self.exit_status}

    @staticmethod
    def from_json(value: dict[str, Any]) -> MpcgovError:
        """The error that a process of our own reported, with its exit status kept; its words on one line."""
        status = value.get("exit_status", 1)
        kinds = {2: LocalError, 3: Refused, 4: PeerError}
        kind = kinds.get(status, InternalError) if isinstance(status, int) else InternalError
        message, hint, code = (one_line(value.get(key, "")) for key in ("message", "hint", "code"))
        return kind(message, hint=hint, code=code)


def one_line(text: object, limit: int = TEXT_LIMIT) -> str:
    """What somebody else wrote, without what could steer a terminal or break a record (control signs, surrogates)."""
    return "".join(character if character.isprintable() else " " for character in str(text)[:limit]).strip()


class InternalError(MpcgovError):
    """Something that must not happen did: a fault of mpcgov itself."""

    code = "internal"
    exit_status = 1


class LocalError(MpcgovError):
    """We were asked wrongly: nothing was shared, and asking again better will work."""

    code = "local"
    exit_status = 2


class SpecError(LocalError):
    """A file or a statement that doesn't say what it must; holds every fault that was found, not just the first."""

    code = "spec"

    def __init__(self, faults: str | Iterable[str], *, hint: str = "", code: str | None = None) -> None:
        self.faults = [faults] if isinstance(faults, str) else list(faults)
        super().__init__("; ".join(self.faults), hint=hint, code=code)


class DataError(LocalError):
    """A data set that isn't what its owner declared. Says data set, column and how many rows; never a value."""

    code = "data"


class Refused(MpcgovError):
    """A policy, a person or a missing right said no. A decision with its reason, not a fault."""

    code = "refused"
    exit_status = 3


class PeerError(MpcgovError):
    """Another party failed, broke the protocol, or didn't answer in time; or it is too early to ask."""

    code = "peer"
    exit_status = 4


def first_cause(errors: Mapping[str, BaseException]) -> BaseException:
    """What to tell: all owners' faults together, else what isn't merely another party's echo."""
    own = {party: error for party, error in errors.items() if isinstance(error, LocalError)}
    if own:
        first = next(iter(own.values()))
        if first.code in ALIKE:
            return first
        hints = {error.hint for error in own.values()}
        # Each owner is told what to do, once if it is the same for all.
        each = {party: error.message if len(hints) == 1 else error.line() for party, error in own.items()}
        message = "; ".join(f"{party}: {text}" for party, text in each.items())
        return LocalError(message, hint=first.hint if len(hints) == 1 else "", code=first.code)
    ours = (error for error in errors.values() if isinstance(error, MpcgovError) and not isinstance(error, PeerError))
    return next(ours, next(iter(errors.values())))
