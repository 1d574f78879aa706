"""What a hostile party may put on the wire: code, forged numbers, malformed, oversized and repeated messages."""

from __future__ import annotations

import asyncio
import pickle
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.mpc import Session, codec, inbox, links, session
from mpcgov.mpc.frames import HEADER, MAGIC, MAX_FRAME_BYTES, Reason, abort_frame
from mpcgov.mpc.links import Link
from mpcgov.mpc.runtime import MPYC, JobRuntime
from tests.mpc.parties import Outcome, Parties, forever, put, run, share_list

EVIL = 1
HONEST = (0, 2)
NAME = "welfare"


class Payload:
    """Unpickling it makes a file: code that one agency would run in another."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


def payload(path: Path) -> bytes:
    return pickle.dumps(Payload(str(path)))


async def at_input(current: Session, index: int, _path: Path) -> list[int]:
    x = current.input([5] if index == EVIL else None, EVIL, 1, 0, 9)
    return await share_list(current, x)


async def at_output(current: Session, index: int, _path: Path) -> list[int]:
    job = current._runtime
    opening = job.output(job.field.array([index], check=False))
    return [int(value) for value in (await current._guard(opening)).value]


async def at_reshare(current: Session, index: int, _path: Path) -> list[int]:
    job = current._runtime
    fresh = job._reshare(job.field.array([index], check=False))
    return [int(value) for value in (await current._guard(fresh)).value]


async def at_shutdown(current: Session, index: int, path: Path) -> list[int]:
    job = current._runtime
    if JobRuntime.transfer is MPYC.runtime.Runtime.transfer:  # what MPyC's own shutdown does
        await current._guard(job.transfer(index))
    elif index == EVIL:
        for link in current._links.values():
            link.write(links.END, payload(path))
    return [0]


async def no_test(_job: JobRuntime) -> None:
    return None


def hostile(path: Path, *, repaired: bool) -> Callable[[int], None]:
    """Party EVIL sends pickles wherever it sends messages; without the repair the others unpickle what comes."""
    evil = payload(path)

    def before(index: int) -> None:
        if not repaired or index == EVIL:
            put(session, "check_fixes", lambda: None)
            put(session, "check_openings", no_test)
        if not repaired:
            checked = codec.decode
            codec.decode = lambda data, count, modulus: (
                pickle.loads(data) if data == evil else checked(data, count, modulus)  # noqa: S301  as MPyC would
            )
            MPYC.runtime.pickle = pickle
            JobRuntime.transfer = MPYC.runtime.Runtime.transfer
        if index == EVIL:
            put(codec, "encode", lambda _values, _modulus: evil)
            MPYC.runtime.pickle = SimpleNamespace(dumps=lambda _object: evil, loads=lambda _data: None)

    return before


PLACES = [at_input, at_output, at_reshare, at_shutdown]


@pytest.mark.by_day(2)
@pytest.mark.parametrize("place", PLACES)
def test_a_pickle_on_the_wire_is_refused_and_its_sender_named(place: Any, tmp_path: Path) -> None:
    path = tmp_path / "made-by-a-peer"
    outcomes = run(lambda s, i: place(s, i, path), before=hostile(path, repaired=True))
    assert not path.exists()
    blame(outcomes)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("place", PLACES)
def test_without_the_codec_the_same_pickle_runs(place: Any, tmp_path: Path) -> None:
    """The attack is real: with MPyC's way of reading messages back in place, the peer's code runs here."""
    path = tmp_path / "made-by-a-peer"
    with Parties(lambda s, i: place(s, i, path), before=hostile(path, repaired=False)) as parties:
        while any(process.is_alive() for process in parties.processes) and not path.exists():
            time.sleep(0.01)
    assert path.exists()


def blame(outcomes: list[Outcome], what: str = "") -> None:
    """All honest parties name the hostile one: who saw it says what it did; of others' words it says whose they are."""
    for index in HONEST:
        error = outcomes[index].error
        assert error is not None
        assert error["exit_status"] == 4
        teller, second_hand, said = outcomes[index].message.rpartition(" says: ")
        assert error["code"] == ("hearsay" if second_hand else "peer-protocol")
        assert teller == NAME or said.startswith(f"{NAME} broke the protocol"), outcomes[index].message
    assert any(f"protocol: {what}" in outcomes[index].message for index in HONEST)


# -- single frames


def raw(label: int, payload: bytes, kind: int = links.DATA, length: int | None = None) -> bytes:
    return HEADER.pack(kind, len(payload) if length is None else length, label) + payload


def frames() -> dict[str, bytes]:
    """Bytes that no honest party writes after its keys."""
    return {
        "too large": raw(1, b"", length=MAX_FRAME_BYTES + 1),
        "four gigabytes": raw(1, b"", length=2**32 - 1),
        "repeated": raw(7, b"x") * 2,
        "repeated, other payload": raw(7, b"x") + raw(7, b"y"),
        "unknown kind": raw(0, b"", kind=77),
        "second greeting": raw(0, b"\0" * links.HELLO_BYTES, kind=links.HELLO),
        "second word": raw(0, links.READY, kind=links.WORD),
        "second keys": raw(0, b"", kind=links.KEYS),
        "end with a payload": raw(0, b"x", kind=links.END),
        "end too early": raw(0, b"", kind=links.END),
        "message after the end": raw(0, b"", kind=links.END) + raw(9, b"x"),
        "abort for no reason": raw(0, b"\x63\0\0\0\0", kind=links.ABORT),
        "noise": random.Random(1).randbytes(20_000),
        "value out of range": b"",
        "too short": b"",
        "too long": b"",
    }


@pytest.mark.by_day(8)
@pytest.mark.parametrize("name", frames())
def test_a_malformed_frame_ends_the_job_at_once_and_names_its_sender(name: str) -> None:
    bent = {
        "value out of range": lambda good, width: b"\xff" * width,
        "too short": lambda good, width: good[:-1],
        "too long": lambda good, width: good + b"\0",
    }

    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL and name in bent:
            width = codec.width_of(current.modulus)
            inner = codec.encode
            codec.encode = lambda values, modulus: bent[name](inner(values, modulus), width)
        elif index == EVIL:
            for link in current._links.values():
                if link._transport is not None:
                    link._transport.write(frames()[name])
            await forever()
        x = current.input([5] if index == EVIL else None, EVIL, 1, 0, 9)
        return await share_list(current, x)

    outcomes = run(job)
    blame(outcomes)


@pytest.mark.by_day(4)
@pytest.mark.parametrize("witness", [EVIL, 0])
@pytest.mark.parametrize("reason", list(Reason))
def test_a_hostile_partys_word_ends_the_job_as_its_word_and_blames_nobody_else(reason: Reason, witness: int) -> None:
    """Whoever hears it first, and from whom: its name is on it at both, and an innocent one's alone never."""

    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL:
            current._links[0].write(links.ABORT, abort_frame(reason, 2, witness))
            await forever()
        x = current.input([5] if index == EVIL else None, EVIL, 1, 0, 9)
        return await share_list(current, x)

    outcomes = run(job)
    for index in HONEST:
        error = outcomes[index].error
        assert error is not None
        assert NAME in error["message"]
        assert error["code"] in ("hearsay", "peer-lost")
        assert error["message"].startswith((f"{NAME} ", f"lost connection to {NAME}")) or "says" in error["message"]


def test_messages_that_nobody_reads_are_capped() -> None:
    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL:
            for label in range(3000):
                for link in current._links.values():
                    link.send(label, b"x" * 10)
        x = current.input([5] if index == EVIL else None, EVIL, 1, 0, 9)
        return await share_list(current, x)

    def before(_index: int) -> None:
        inbox.MAX_UNREAD_FRAMES = 1000

    outcomes = run(job, before=before)
    blame(outcomes, "more messages")


@pytest.mark.parametrize("claimed", [0, 2, 3, 0xFFFF])
def test_a_forged_party_number_is_refused_and_the_party_on_that_stream_named(claimed: int) -> None:
    def before(index: int) -> None:
        if index == EVIL:
            honest = links.hello_frame
            put(links, "hello_frame", lambda _sender, receiver, agreement: honest(claimed, receiver, agreement))

    outcomes = run(at_input_plain, before=before)
    blame(outcomes, "a greeting with another party's number")


def test_a_greeting_sent_back_to_its_sender_is_refused() -> None:
    """The greeting says from whom to whom: an echo of the own one doesn't pass, though its hash is right."""

    def before(index: int) -> None:
        if index == EVIL:
            links.hello_frame = lambda sender, receiver, agreement: (
                MAGIC + struct.pack("<HH", receiver, sender) + agreement
            )

    outcomes = run(at_input_plain, before=before)
    blame(outcomes, "a greeting with another party's number")


async def at_input_plain(current: Session, index: int) -> list[int]:
    return await at_input(current, index, Path())


@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.1\r\nHost: tax\r\n\r\n" * 4, b"\0" * 200, b"\x16\x03\x01" * 60])
def test_a_stranger_on_the_stream_gets_no_keys(greeting: bytes) -> None:
    def before(index: int) -> None:
        if index == EVIL:
            put(Link, "write", write)

    def write(link: Link, _kind: int, _payload: bytes, _label: int = 0) -> None:
        if link._transport is not None:
            link._transport.write(greeting)

    outcomes = run(at_input_plain, before=before)
    blame(outcomes)
    assert all(outcomes[index].phases == ["hello"] for index in HONEST)


def test_a_peer_that_floods_a_link_is_not_read_further() -> None:
    """Reading stops while nobody waits for that peer: its bytes stay in its own buffers."""

    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL:
            link = current._links[0]
            for number in range(40):
                link.send(number, b"\0" * (1 << 20))
                await link.drained()
        if index == 0:
            link = current._links[EVIL]
            await pauses(link)
            return [link._inbox.unread_bytes >> 20]
        return [0]

    def before(_index: int) -> None:
        inbox.PAUSE_BYTES = 4 << 20
        put(JobRuntime, "idle", _idle)

    outcomes = run(job, before=before)
    assert [outcome.message for outcome in outcomes] == ["", "", ""]
    assert outcomes[0].value[0] <= 6


def test_a_party_that_is_far_ahead_with_small_messages_waits_and_is_not_at_fault() -> None:
    """As one that only helps others may be, which waits for nobody: more messages than may ever be unread."""

    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL:
            link = current._links[0]
            for number in range(2 * inbox.MAX_UNREAD_FRAMES):
                link.send(number, b"12345678")
            return [0]
        if index == 0:
            link = current._links[EVIL]
            await pauses(link)
            unread = len(link._inbox._unread)
            for number in range(2 * inbox.MAX_UNREAD_FRAMES):
                found = link.receive(number)
                assert (found if isinstance(found, bytes) else await found) == b"12345678"
            return [unread]
        return [0]

    outcomes = run(job, before=lambda _index: put(JobRuntime, "idle", _idle))
    assert [outcome.message for outcome in outcomes] == ["", "", ""]
    assert inbox.PAUSE_FRAMES < outcomes[0].value[0] < inbox.MAX_UNREAD_FRAMES


async def pauses(link: Link) -> None:
    """Returns once a link reads no more; or the peer has sent all and said so, which it shouldn't have come to."""
    while link._reading and not link.ended.done():  # noqa: ASYNC110 - a flag, not an event
        await asyncio.sleep(0.01)


async def _idle(_self: JobRuntime) -> None:
    return None
