"""Who failed and why, as one line: what a session tells its caller. Never a value."""

from __future__ import annotations

from pathlib import PurePath

from mpcgov.errors import InternalError, PeerError
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.frames import AbortError, Reason


def name(config: SessionConfig, index: int) -> str:
    """A party's name; a peer may claim any index."""
    return config.parties[index] if index < len(config.parties) else "an unknown party"


def disagreement(peer: str, phase: str) -> PeerError:
    """A peer has another job, program, version or parameters."""
    return PeerError(
        f"{peer} doesn't agree on the job ({phase})",
        hint="compare job, protocol digest and package version of the parties",
        code="hello-mismatch",
    )


def aborted(error: AbortError, peer: int, config: SessionConfig, phase: str) -> PeerError:
    """What a peer's ABORT means here: who failed, and who says so if it is another; then it is hearsay, by its code."""
    teller, culprit = name(config, peer), name(config, error.culprit)
    hearsay = error.culprit != peer
    where = f"{phase}, says {teller}" if hearsay else phase
    blames_us = error.culprit == config.me
    if error.reason is Reason.AGREEMENT:
        return disagreement(teller if blames_us else culprit, phase)
    if blames_us:
        return PeerError(f"{teller} lost its connection to us or our messages ({phase})", code="peer-lost")
    message, code = {
        Reason.DATA_CONTRACT: (f"{culprit}: data contract", "data-contract"),
        Reason.DEADLINE: (f"{culprit} ran out of time ({phase})", "deadline"),
        Reason.LOST: (f"lost connection to {culprit} ({where})", "peer-lost"),
        Reason.PROTOCOL: (f"{culprit} broke the protocol ({phase})", "peer-protocol"),
    }.get(error.reason, (f"{culprit} stopped with an error of its own ({phase})", "peer-failed"))
    if hearsay and error.reason is not Reason.LOST:
        said = message if message.endswith(")") else f"{message} ({phase})"
        return PeerError(f"{teller} says: {said}", code="hearsay")
    return PeerError(message, code=code)


def own_fault(error: BaseException | None) -> InternalError:
    """An error of ours as its kind and place only: its text might hold a value."""
    if error is None:
        return InternalError("the job was cancelled")
    place = ""
    trace = error.__traceback__
    while trace is not None:
        place = f" at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return InternalError(f"{type(error).__name__}{place}", hint="this is a fault of mpcgov")
