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
    """What a peer's ABORT means here: who failed, and who says so if it is another; then it is hearsay, by its code.

    No party is named by another's word alone without that other's name. What the peer was told itself it passes on
    as the word of who told it: "left says: right says: …".
    """
    teller, culprit, witness = (name(config, index) for index in (peer, error.culprit, error.witness))
    passed_on = error.witness != peer
    hearsay = error.culprit != peer or passed_on
    if not passed_on and error.culprit == config.me:
        if error.reason is Reason.AGREEMENT:
            return disagreement(teller, phase)
        return PeerError(f"{teller} lost its connection to us or our messages ({phase})", code="peer-lost")
    # By whose word it is, but for what a party says of itself.
    who = teller if not passed_on or error.witness == error.culprit else f"{teller} says: {witness}"
    if error.reason is Reason.LOST:
        where = f"{phase}, says {teller}" + (f" by the word of {witness}" if passed_on else "") if hearsay else phase
        return PeerError(f"lost connection to {culprit} ({where})", code="peer-lost")
    message, code = {
        Reason.AGREEMENT: (f"{culprit} doesn't agree on the job ({phase})", "hello-mismatch"),
        Reason.DATA_CONTRACT: (f"{culprit}: data contract", "data-contract"),
        Reason.DEADLINE: (f"{culprit} ran out of time ({phase})", "deadline"),
        Reason.PROTOCOL: (f"{culprit} broke the protocol ({phase})", "peer-protocol"),
    }.get(error.reason, (f"{culprit} stopped with an error of its own ({phase})", "peer-failed"))
    if hearsay:
        said = message if message.endswith(")") else f"{message} ({phase})"
        return PeerError(f"{who} says: {said}", code="hearsay")
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
