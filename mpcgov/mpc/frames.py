"""Frames of a link: kinds, headers and caps, what ends a job, and nothing that keeps state.

The order on a link is HELLO, WORD, KEYS, then DATA and WORDS in any order, END. ABORT may come at any time after HELLO.
"""

from __future__ import annotations

import enum
import struct

from mpcgov.mpc.codec import WireError

MAGIC = b"mpcgov\x00\x03"
HEADER = struct.Struct("<BIq")
"""Kind, length of the payload, label: a signed 64-bit number for DATA and WORDS, 0 otherwise."""
HELLO, WORD, KEYS, DATA, END, ABORT, WORDS = range(1, 8)
"""DATA: a message of MPyC's protocols under its program counter. WORDS: one of the word-size engine's, by channel."""
MESSAGES = frozenset({DATA, WORDS})
HELLO_BYTES = len(MAGIC) + 4 + 32
ABORT_BYTES = 5
SALT_BYTES = 32
"""KEYS begins with so many random bytes, so that a hash of all frames tells nobody else anything of them."""
READY, DATA_CONTRACT = b"\x01", b"\x02"


class Reason(enum.IntEnum):
    """Why a party ends a job; goes to its peers in ABORT, with whom it blames and who says so, and nothing else."""

    LOST = 1
    DATA_CONTRACT = 2
    PROTOCOL = 3
    DEADLINE = 4
    FAULT = 5
    AGREEMENT = 6


MAX_FRAME_BYTES = 64 << 20
MAX_UNREAD_FRAMES = 100_000
MAX_UNREAD_BYTES = 1 << 30
"""Beyond this the peer is at fault; long before, at PAUSE_BYTES or PAUSE_FRAMES, we stop reading unless we wait for
this very peer. A party that helps others waits for nobody, and may be far ahead."""
PAUSE_BYTES = 64 << 20
PAUSE_FRAMES = 10_000
WRITE_HIGH_BYTES = 8 << 20
READ_BYTES = 256 << 10
"""Read at once; a frame of more than SMALL_BYTES is read straight to where it belongs."""
SMALL_BYTES = 64 << 10
LAST_WORDS_S = 0.2


class AgreementError(WireError):
    """A greeting with another hash: the peer runs another job, program, version or set of parameters."""


class LinkLostError(Exception):
    """The stream to a peer ended before the job did."""


class AbortError(Exception):
    """A peer ended the job; `culprit` is the index of the party that it blames, itself included, and `witness` that of
    the party by whose word: itself, or the one that it was told by."""

    def __init__(self, reason: Reason, culprit: int, witness: int) -> None:
        super().__init__()
        self.reason = reason
        self.culprit = culprit
        self.witness = witness


def abort_frame(reason: Reason, culprit: int, witness: int) -> bytes:
    """The last word of a party that ends the job before its end: why, whose doing it was, and who says so."""
    return struct.pack("<BHH", reason, culprit, witness)


def aborted(payload: bytes) -> Exception:
    """The exception that a peer's ABORT stands for."""
    reason, culprit, witness = struct.unpack("<BHH", payload)
    try:
        return AbortError(Reason(reason), culprit, witness)
    except ValueError:
        return WireError("an end of the job without a known reason")


def hello_frame(sender: int, receiver: int, agreement: bytes) -> bytes:
    """What one party says first to another: who to whom, and the hash of all they must agree on."""
    return MAGIC + struct.pack("<HH", sender, receiver) + agreement


def check_hello(payload: bytes, sender: int, receiver: int, agreement: bytes) -> None:
    """Nothing, if this is what `sender` says first to `receiver`. Raises WireError, AgreementError otherwise."""
    if not payload.startswith(MAGIC):
        raise WireError("a greeting in another protocol or version")
    if struct.unpack_from("<HH", payload, len(MAGIC)) != (sender, receiver):
        raise WireError("a greeting with another party's number")
    if payload[-32:] != agreement:
        raise AgreementError("another job")
