"""What finding one active party would cost, measured, for ADR 19: `python -m tests.mpc.word.active [--elements N]`.

Three parties in one process, on the engine's own products and lanes; figures are processor time and bytes of one party.
A prototype: it shows costs, and that a changed message is found; it isn't a protocol that anything here uses.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.word import compare, lanes
from mpcgov.mpc.word import field as f61
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.product import inner_product, product
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.sign import BitCircuit, Pieces
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel, Line
from tests.mpc.word import local
from tests.mpc.word.local import LocalWire

Program = Callable[["Party"], Awaitable[bool]]

GATES = 55 + 2 * 60
"""ANDs of one comparison of two inputs each: those of a tree over pairs of bits, and two for each of its leaves."""


@dataclass
class Wire(LocalWire):
    """Counts what it sends. `forge`: the number of the message in which one bit is changed."""

    sent: int = 0
    count: int = 0
    forge: int = -1

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        data = bytearray(payload)
        if self.count == self.forge:
            data[0] ^= 1
        self.sent, self.count = self.sent + len(data), self.count + 1
        super().post(peer, label, memoryview(data))


@dataclass
class Party(local.Party):
    """One of the three, and its shares of x and y. `coins`: what all three tossed."""

    wire: Wire
    x: Words
    y: Words
    coins: bytes


def make_parties(count: int, forge: int) -> list[Party]:
    """Three parties with shares of so many numbers; the first one forges a message, if that isn't -1."""
    values, coins = np.arange(count) % 1000 + 1, os.urandom(32)
    xs, ys = (local.share(values, 3, 1) for _ in range(2))
    parties = []
    for party, x, y in zip(local.make_parties(3), xs, ys, strict=True):
        wire = Wire(party.network, party.me, forge=forge if party.me == 0 else -1)
        parties.append(Party(Line(wire, party.me, 3), party.prss, party.network, wire, x, y, coins))
    return parties


# -- products modulo 2^61-1


async def passive(q: Party) -> bool:
    await product(q.channel(), q.prss, q.x, q.y)
    return True


async def doubled(q: Party) -> bool:
    """Chida et al. 2018: each value beside r times it; one random combination of all, checked at the end."""
    channel = q.channel()
    r = q.prss.random(channel, 1)
    rx = await product(channel, q.prss, q.x, np.repeat(r, q.x.size))
    z = await product(channel, q.prss, q.x, q.y)
    rz = await product(channel, q.prss, rx, q.y)
    weights = Stream(q.coins).elements(q.x.size)
    plain, times_r = (f61.inner_products(weights.reshape(1, -1), s.reshape(1, -1)).reshape(1) for s in (z, rz))
    difference = f61.subtract(times_r, await product(channel, q.prss, r, plain))
    return await is_zero(q, difference)


async def folded(q: Party) -> bool:
    """Goyal and Song 2020, after Boneh et al. 2019: all products as one inner product, halved until one is left."""
    channel = q.channel()
    z = await product(channel, q.prss, q.x, q.y)
    coins = Stream(q.coins)
    weights = coins.elements(q.x.size)
    x, y = f61.product(q.x, weights), q.y
    total = f61.inner_products(weights.reshape(1, -1), z.reshape(1, -1)).reshape(1)
    while x.size > 1:
        if x.size % 2:
            x, y = (np.append(side, np.uint64(0)) for side in (x, y))
        half = x.size // 2
        (x1, x2), (y1, y2) = ((s[:half], s[half:]) for s in (x, y))
        x3, y3 = (f61.combine([-1, 2], [a, b]) for a, b in ((x1, x2), (y1, y2)))  # the lines at 3
        first = (await inner_product(channel, q.prss, x1, y1)).reshape(1)
        third = (await inner_product(channel, q.prss, x3, y3)).reshape(1)
        second = f61.subtract(total, first)
        at = int(coins.elements(1)[0])
        x, y = (f61.combine([(2 - at) % P, (at - 1) % P], list(pair)) for pair in ((x1, x2), (y1, y2)))
        total = f61.combine([w % P for w in _quadratic(at)], [first, second, third])
    return await is_zero(q, f61.subtract(total, await product(channel, q.prss, x, y)))


def _quadratic(at: int) -> tuple[int, int, int]:
    """The weights of a quadratic's values at 1, 2, 3 for its value at `at`."""
    half = pow(2, -1, P)
    return (at - 2) * (at - 3) * half, -(at - 1) * (at - 3), (at - 1) * (at - 2) * half


async def is_zero(q: Party, share: Words) -> bool:
    """Opens a random multiple."""
    channel = q.channel()
    masked = await product(channel, q.prss, share, q.prss.random(channel, 1))
    return not (await open_to_all(channel, masked, 1)).any()


# -- comparison: bits in lanes


async def passive_bits(q: Party) -> bool:
    await compare.negative(q.channel(), q.prss, q.x)
    return True


async def checked_bits(q: Party) -> bool:
    """Araki et al. 2017: each AND against a triple that another triple has vouched for; 7 bits an AND instead of 1."""
    channel, words = q.channel(), lanes.words_for(q.x.size)
    await compare.negative(channel, q.prss, q.x)
    rows = GATES
    circuit = BitCircuit(channel, q.prss, 3 * rows, words)
    x, y = random_bits(q, channel, rows, words), random_bits(q, channel, rows, words)  # stand for the gates' inputs
    gate = (x, y, await circuit.product(x, y))
    triples = []
    for _ in range(2):
        a, b = random_bits(q, channel, rows, words), random_bits(q, channel, rows, words)
        triples.append((a, b, await circuit.product(a, b)))
    order = np.random.default_rng(list(q.coins)).permutation(rows)
    shuffled = tuple(Pieces(p.left[order], p.right[order]) for p in triples[1])
    vouched = await agrees(channel, q, triples[0], shuffled)
    return await agrees(channel, q, gate, triples[0]) and vouched


def random_bits(q: Party, channel: Channel, rows: int, words: int) -> Pieces:
    """Pieces of random bits that nobody knows: each pair's from its key."""
    number, me = channel.draw(), q.line.me
    left, right = (
        q.prss.pair(other % 3, "bits", number).words(rows * words).reshape(rows, words) for other in (me - 1, me + 1)
    )
    return Pieces(left, right)


async def agrees(channel: Channel, q: Party, one: tuple[Pieces, ...], other: tuple[Pieces, ...]) -> bool:
    """Whether x·y = z for one triple, if it does for the other: two opened bits each, and hashes."""
    (x, y, z), (a, b, c) = one, other
    opened = [await open_bits(channel, q, left ^ right) for left, right in ((x, a), (y, b))]
    rho, sigma = (o[0] for o in opened)
    rest = [
        zs ^ cs ^ (rho & bs) ^ (sigma & as_)
        for zs, cs, bs, as_ in ((z.left, c.left, b.left, a.left), (z.right, c.right, b.right, a.right))
    ]
    # rho·sigma is public: it belongs to the piece of parties 0 and 1.
    if q.line.me == 0:
        rest[1] ^= rho & sigma
    if q.line.me == 1:
        rest[0] ^= rho & sigma
    # The third piece, which both others hold, must be what ours add up to; and what was opened to us by one of them
    # what the other holds.
    after, before = (q.line.me + 1) % 3, (q.line.me - 1) % 3
    total, came = digest(rest[0] ^ rest[1]), digest(*(o[1] for o in opened))
    held = digest(x.right ^ a.right, y.right ^ b.right)
    said = await channel.exchange(
        {before: np.frombuffer(total, np.uint64), after: np.frombuffer(total + came, np.uint64)}, {after: 4, before: 8}
    )
    return said[after].tobytes() == digest(rest[0]) and said[before].tobytes() == digest(rest[1]) + held


async def open_bits(channel: Channel, q: Party, p: Pieces) -> tuple[Words, Words]:
    """The bits, and the piece that came."""
    after, before = (q.line.me + 1) % 3, (q.line.me - 1) % 3
    flat = np.ascontiguousarray(p.left).reshape(-1)
    came = (await channel.exchange({after: flat}, {before: flat.size}))[before].reshape(p.left.shape)
    return p.left ^ p.right ^ came, came


def digest(*rows: Words) -> bytes:
    return hashlib.sha256(b"".join(np.ascontiguousarray(row).tobytes() for row in rows)).digest()


# -- figures


def figures(program: Program, count: int, forge: int = -1) -> tuple[float, float, bool]:
    """Processor time and bytes of one party, for each element; and whether all were content."""
    parties = make_parties(count, forge)
    began = time.process_time()
    content = local.run(parties, program)
    took = time.process_time() - began
    return took / 3 / count * 1e9, max(q.wire.sent for q in parties) / count, all(content)


def messages(program: Program, count: int) -> int:
    """How many messages party 0 sends."""
    parties = make_parties(count, -1)
    local.run(parties, program)
    return parties[0].wire.count


def main(words: Sequence[str] | None = None) -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--elements", type=int, default=100_000)
    count = arguments.parse_args(words).elements
    cases = [
        ("product, passive", passive, None),
        ("product, doubled (Chida et al.)", doubled, 1),
        ("product, folded (Boneh et al., Goyal and Song)", folded, 0),
        ("comparison, passive", passive_bits, None),
        ("comparison, checked ANDs (Araki et al.)", checked_bits, messages(passive_bits, count)),
    ]
    for name, program, forged in cases:
        figures(program, min(count, 1000))  # kernels are compiled
        nanoseconds, size, content = figures(program, count)
        assert content, name
        found = ""
        if forged is not None:
            found = "found" if not figures(program, count, forged)[2] else "NOT FOUND"
        print(f"{name}: {nanoseconds:.0f} ns and {size:.1f} bytes an element{', forgery ' + found if found else ''}")


if __name__ == "__main__":
    main()
