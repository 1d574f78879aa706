"""MPyC's runtime with its holes closed: every byte in and out goes through `codec`, every opening is safe.

Overrides the three ways in which MPyC exchanges shares (`output`, `_reshare` and, as `deal`, `input`), its PRSS keys
and what it does with errors. All other protocols of MPyC are built on these and run unchanged.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mpcgov.errors import InternalError, Refused
from mpcgov.mpc import codec, prf
from mpcgov.mpc.codec import Elements, nobodys
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.frames import MAX_FRAME_BYTES
from mpcgov.mpc.imports import bind_runtime, load_mpyc
from mpcgov.mpc.links import Link
from mpcgov.mpc.shamir import inverse_roots, recombine, split

MPYC = load_mpyc()


def coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """An MPyC coroutine: its first await declares the result, which callers get at once as a placeholder."""
    function.__annotations__ = {}  # MPyC would evaluate a return annotation as the declaration
    made: Callable[..., Any] = MPYC.asyncoro.mpc_coro(function)
    return made


def _reconcile(declared: Any, task: asyncio.Task[Any]) -> None:
    """Put a finished MPyC coroutine's result in its placeholder; MPyC's own stops the loop when there is none."""
    runtime = MPYC.asyncoro.runtime
    runtime._pc_level -= 1
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        runtime.failed(error)
    elif declared is not None:
        MPYC.asyncoro.__dict__["__reconcile"](declared, task.result())


MPYC.asyncoro._reconcile = _reconcile


if TYPE_CHECKING:
    from mpcgov.mpc.imports import Runtime
else:
    Runtime = MPYC.runtime.Runtime


class JobRuntime(Runtime):
    """The runtime of one job. `failed` takes the first cause of a failure, whatever it is."""

    def __init__(self, config: SessionConfig, failed: Callable[[BaseException], None]) -> None:
        parties = [MPYC.runtime.Party(index) for index in range(len(config.parties))]
        options = MPYC.package._get_arg_parser().parse_args([])
        options.threshold = config.threshold
        options.sec_param = config.security_bits
        options.no_async = options.no_prss = options.mix32_64bit = False
        options.no_log = options.no_barrier = True
        self.config, self.failed = config, failed
        self.exchanges = 0
        self._operation = 0
        self._used_inputs: set[int] = set()
        self._masters: dict[tuple[int, ...], bytes] = {}
        self._prfs: dict[int, dict[tuple[int, ...], prf.Prf]] = {}
        super().__init__(config.me, parties, options)
        self.new_keys()
        bind_runtime(MPYC, self)
        self.secure_integer = self.SecInt(config.wide_bits + 2)
        self.field = self.secure_integer.field
        self.array_type = self.secure_integer.array

    # -- PRSS keys

    @property
    def threshold(self) -> int:
        """t: no t parties together learn anything."""
        return self._threshold

    @threshold.setter
    def threshold(self, threshold: int) -> None:
        self._threshold = threshold

    @property
    def subsets(self) -> list[tuple[int, ...]]:
        """The subsets of m − t parties, in an order that all parties have in common."""
        parties = len(self.parties)
        return list(combinations(range(parties), parties - self.threshold))

    @property
    def masters(self) -> dict[tuple[int, ...], bytes]:
        """The master keys of the subsets that we are in, once all have come: to be derived from, never used."""
        return {subset: key for subset, key in sorted(self._masters.items()) if self.pid in subset}

    def new_keys(self) -> None:
        """Draw the master keys of the subsets whose first member we are; the others come from their first members."""
        self._prfs.clear()
        self._masters = {s: os.urandom(prf.KEY_BYTES) for s in self.subsets if s[0] == self.pid}

    def keys_for(self, peer: int) -> bytes:
        """The master keys that a peer gets from us, in the order of `subsets`."""
        return b"".join(self._masters[s] for s in self.subsets if s[0] == self.pid and peer in s)

    def key_bytes_from(self, peer: int) -> int:
        """How many bytes of keys we get from a peer."""
        return prf.KEY_BYTES * sum(s[0] == peer and self.pid in s for s in self.subsets)

    def take_keys(self, peer: int, data: bytes) -> None:
        """Keep the keys that came from a peer."""
        mine = [s for s in self.subsets if s[0] == peer and self.pid in s]
        for index, subset in enumerate(mine):
            self._masters[subset] = data[index * prf.KEY_BYTES : (index + 1) * prf.KEY_BYTES]

    def prfs(self, bound: int) -> dict[tuple[int, ...], prf.Prf]:
        """The functions to 0 … bound−1 of the subsets that we are in, for MPyC's own use of PRSS."""
        if bound not in self._prfs:
            self._prfs[bound] = {
                s: prf.Prf(prf.derive(master, f"mpyc {bound}"), bound) for s, master in sorted(self._masters.items())
            }
        return self._prfs[bound]

    def subset_numbers(self, use: str, operation: int, count: int, bound: int) -> dict[tuple[int, ...], Elements]:
        """For each subset we are in, `count` numbers in 0 … bound−1 that its members share, for one use only."""
        common_input = operation.to_bytes(8, "little")
        return {
            s: prf.Prf(prf.derive(master, use), bound)(common_input, (count,))
            for s, master in sorted(self._masters.items())
        }

    def _prss_uci(self) -> bytes:
        """The next common input for MPyC's use of PRSS: its program counter, a 64-bit hash; never one twice."""
        self._program_counter[0] += 1
        counter = int(self._program_counter[0])
        if counter in self._used_inputs:
            raise InternalError("two uses of PRSS with the same program counter")
        self._used_inputs.add(counter)
        return counter.to_bytes(8, "little", signed=True)

    def next_operation(self) -> int:
        """The next number of our own operations; programs run the same at all parties, so the numbers are too."""
        self._operation += 1
        return self._operation

    def weight(self, subset: tuple[int, ...]) -> int:
        """f_S at our point: the polynomial of degree t that is 1 at 0 and 0 at every point outside S."""
        value = MPYC.thresha._f_S_i(self.field, len(self.parties), self.pid, subset)
        return int(value) % int(self.field.modulus)

    # -- exchanges

    def _link(self, peer: int) -> Link:
        return cast(Link, self.parties[peer].protocol)

    async def _send(self, messages: dict[int, bytes]) -> None:
        """Send each peer its message under the current program counter, then wait until they have taken enough."""
        label = self._program_counter[0]
        self.exchanges += 1
        for peer, message in messages.items():
            if len(message) > MAX_FRAME_BYTES:
                raise InternalError("an array too large for one exchange")
            self._link(peer).send(label, message)
        for peer in messages:
            await self._link(peer).drained()

    async def _receive(self, peers: Sequence[int], field: Any, count: int) -> list[Elements]:
        """The messages of `peers` under the current program counter, `count` elements each, in their order."""
        label = self._program_counter[0]
        rows = []
        for peer, message in [(peer, self._link(peer).receive(label)) for peer in peers]:
            data = message if isinstance(message, bytes) else await message
            try:
                rows.append(codec.decode(data, count, field.modulus))
            except codec.WireError as fault:
                raise codec.WireError(str(fault), peer) from None
        return rows

    @coroutine
    async def deal(self, values: Elements | None, dealer: int, count: int) -> Any:
        """A 1-D secure array of `count` elements that `dealer` knows; the others pass None."""
        await self.returnType((self.array_type, (count,)))
        field = self.field
        if self.pid == dealer:
            rows = split(values % field.modulus, field.modulus, self.threshold, len(self.parties))
            others = [peer for peer in range(len(rows)) if peer != self.pid]
            await self._send({peer: codec.encode(rows[peer], field.modulus) for peer in others})
            own = rows[self.pid]
        else:
            self.exchanges += 1
            (own,) = await self._receive([dealer], field, count)
        return field.array(own, check=False)

    def zero_shares(self, field: Any, count: int) -> Elements:
        """Our points of `count` fresh polynomials of degree 2t that are 0 at 0 and otherwise random to any t parties.

        Added to what is opened at degree 2t they leave nothing in it but the value at 0 (MulPub of Catrina and de
        Hoogh, SCN 2010; pseudorandom zero sharing of Cramer, Damgård and Ishai, TCC 2005).
        """
        shares = MPYC.thresha.np_pseudorandom_share_0(
            field, len(self.parties), self.pid, self.prfs(field.order), self._prss_uci(), count
        )
        result: Elements = shares.value
        return result

    @coroutine
    async def output(self, x: Any, receivers: Any = None, threshold: int | None = None, raw: bool = False) -> Any:
        """Open field elements to all parties: a list of them, one, or an array. For MPyC's protocols, not for results.

        At degree t the value alone determines what is seen, given t shares. At degree 2t it doesn't: MPyC opens local
        products as they are, and a party can factor them. So a zero sharing is added here to every such opening.
        """
        await self.returnType(MPYC.runtime.Future)
        degree = self.threshold if threshold is None else threshold
        if receivers is not None or degree not in (self.threshold, 2 * self.threshold):
            raise InternalError("an opening that the engine doesn't have")
        if isinstance(x, list) and not x:
            return []
        field, values, rebuild = _unpack((await self.gather([x]))[0])
        if degree > self.threshold:
            values = (values + self.zero_shares(field, len(values))) % field.modulus
        parties, me = len(self.parties), self.pid
        share = codec.encode(values, field.modulus)
        await self._send({(me + step) % parties: share for step in range(1, degree + 1)})
        senders = [(me - step) % parties for step in range(1, degree + 1)]
        rows = await self._receive(senders, field, len(values))
        return rebuild(recombine([s + 1 for s in (*senders, me)], [*rows, values], field.modulus))

    @coroutine
    async def _reshare(self, x: Any) -> Any:
        """A fresh sharing of degree t of values shared with degree at most 2t (Gennaro, Rabin and Rabin, PODC 1998)."""
        await self.returnType(MPYC.runtime.Future)
        field, values, rebuild = _unpack(x)
        t, parties = self.threshold, len(self.parties)
        first = self._program_counter[0] % parties  # spreads the work; the same at all parties
        dealers = [(first + step) % parties for step in range(2 * t + 1)]
        rows: dict[int, Elements] = {}
        messages: dict[int, bytes] = {}
        if self.pid in dealers:
            dealt = split(values, field.modulus, t, parties)
            rows[self.pid] = dealt[self.pid]
            messages = {q: codec.encode(dealt[q], field.modulus) for q in range(parties) if q != self.pid}
        await self._send(messages)
        others = [peer for peer in dealers if peer != self.pid]
        rows.update(zip(others, await self._receive(others, field, len(values)), strict=True))
        return rebuild(recombine([d + 1 for d in dealers], [rows[d] for d in dealers], field.modulus))

    @coroutine
    async def np_random_bits(self, field: Any, n: int, signed: bool = False) -> Any:
        """n uniform secret bits, or signs if `signed`: r over the public root of r², for a uniform r other than 0.

        As in MPyC (Damgård and others, TCC 2006), less its own zero sharing: `output` adds the one that is needed.
        """
        await self.returnType(MPYC.runtime.Future)
        modulus, parties = field.modulus, len(self.parties)
        signs = np.empty(0, dtype=object)
        while len(signs) < n:
            functions, common_input = self.prfs(modulus), self._prss_uci()
            count = n - len(signs)
            r = MPYC.thresha.np_pseudorandom_share(field, parties, self.pid, functions, common_input, count).value
            squares = (await self.output(field.array(r * r % modulus, check=False), threshold=2 * self.threshold)).value
            usable = squares != 0
            inverses = inverse_roots(squares[usable], modulus)
            if not (inverses * inverses % modulus * squares[usable] % modulus == 1).all():
                raise nobodys("the square of a random number that is none")
            signs = np.append(signs, r[usable] * inverses % modulus)
        return field.array(signs if signed else (signs + 1) * ((modulus + 1) >> 1))

    async def idle(self) -> None:
        """Wait until no coroutine of ours is under way."""
        while self._pc_level > 0:  # noqa: ASYNC110  MPyC counts its coroutines, without an event
            await asyncio.sleep(0.002)

    # -- what MPyC has and we don't allow

    def _forbidden(self, *_args: Any, **_kwargs: Any) -> Any:
        raise Refused("this part of MPyC isn't safe between agencies", hint="use mpcgov.mpc's session", code="unsafe")

    transfer = peek = input = _distribute = start = shutdown = run = throttler = logging = _forbidden


def _unpack(x: Any) -> tuple[Any, Elements, Callable[[Elements], Any]]:
    """Field, flat array of integers, and the way back, of a list of field elements, one element, or a field array."""
    if isinstance(x, MPYC.finfields.FiniteFieldArray):
        field, shape = x.field, x.value.shape
        return field, x.value.reshape(-1), lambda values: field.array(values.reshape(shape), check=False)
    if isinstance(x, list):
        field = type(x[0])
        values = np.array([element.value for element in x], dtype=object)
        return field, values, lambda opened: [field(int(value)) for value in opened]
    if not isinstance(x, MPYC.finfields.FiniteFieldElement):
        raise InternalError("an exchange of something that is no share")
    field = type(x)
    return field, np.array([x.value], dtype=object), lambda opened: field(int(opened[0]))
