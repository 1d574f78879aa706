"""The filter of system calls, run as the kernel runs it: also for other machines, and where the kernel has none."""

from __future__ import annotations

import socket
import struct

import pytest

from mpcgov.process import seccomp
from mpcgov.process.seccomp import MACHINES, Machine

AF_UNIX, AF_NETLINK, STREAM, DATAGRAMS, CLOSE_ON_EXEC = 1, 16, 1, 2, 0o2000000
HIGH = 1 << 32


def verdict(machine: Machine, call: int, *arguments: int, dials: bool = False, architecture: int = 0) -> int:
    """What becomes of a call."""
    given = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", call, architecture or machine.architecture, 0, *given)
    rules = [struct.unpack("<HBBI", rule) for rule in seccomp.program(machine, dials=dials)]
    at = held = 0
    while True:
        code, if_true, if_false, value = rules[at]
        at += 1
        match code:
            case 0x20:
                held = struct.unpack_from("<I", data, value)[0]
            case 0x54:
                held &= value
            case 0x05:
                at += value
            case 0x15:
                at += if_true if held == value else if_false
            case 0x35:
                at += if_true if held >= value else if_false
            case _:
                assert code == 0x06
                return int(value)


machines = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
dialling = pytest.mark.parametrize("dials", [False, True])


@machines
@dialling
def test_listed_calls_are_refused_and_no_others(machine: Machine, dials: bool) -> None:
    refused = {call for call in range(600) if verdict(machine, call, dials=dials) == seccomp.EPERM}
    always = {*machine.refused, machine.socketpair}  # of type 0, which there isn't
    # A socket of family 0 is none of the Internet's.
    assert refused == always | ({machine.dialling[0]} if dials else set(machine.dialling))
    assert {verdict(machine, call, dials=dials) for call in range(600)} == {seccomp.EPERM, seccomp.ALLOW}


@machines
def test_who_dials_gets_sockets_of_the_internet_alone(machine: Machine) -> None:
    opens = machine.dialling[0]
    allowed = {family for family in range(64) if verdict(machine, opens, family, dials=True) == seccomp.ALLOW}
    assert allowed == {2, 10}
    assert verdict(machine, opens, HIGH | AF_UNIX, STREAM, dials=True) == seccomp.EPERM
    assert verdict(machine, opens, AF_NETLINK, 3, dials=True) == seccomp.EPERM
    assert {verdict(machine, opens, family) for family in range(64)} == {seccomp.EPERM}


@machines
@dialling
def test_pairs_are_of_streams_and_limits_ones_own(machine: Machine, dials: bool) -> None:
    for kind, expected in ((STREAM, seccomp.ALLOW), (DATAGRAMS, seccomp.EPERM), (5, seccomp.EPERM)):
        assert verdict(machine, machine.socketpair, AF_UNIX, kind | CLOSE_ON_EXEC, dials=dials) == expected
    assert verdict(machine, machine.prlimit, 0, 7, dials=dials) == seccomp.ALLOW
    assert verdict(machine, machine.prlimit, 4711, 7, dials=dials) == seccomp.EPERM


@machines
@dialling
def test_other_architectures_end_the_process_and_x32_is_refused(machine: Machine, dials: bool) -> None:
    assert verdict(machine, 0, dials=dials, architecture=0x40000003) == seccomp.KILL
    for call in (0x40000000, 0x40000000 + machine.refused[0], 0xFFFFFFFF):
        assert verdict(machine, call, dials=dials) == seccomp.EPERM


def test_families_are_this_systems() -> None:
    assert {int(socket.AF_INET)} <= set(seccomp.INTERNET)
