"""SecretFlow SPU: programs in JAX, compiled by SPU before the first run, three processes over its own links.

Fixed to one thread per party. Each owner hands SPU its data as private to it, which is SPU's quickest way in; the
result is opened at the receiver from all parties' shares.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu
from spu import libspu
from spu.utils import frontend

from .turns import Array, Done, Order, Run, serve

jax.config.update("jax_enable_x64", True)

TIMEOUT_MS = 600_000
SENT = re.compile(r"Link details: total send bytes (\d+)")
PLACES = 1000
BLOCK = 1000
SCALE = 2.0**-17
"""Keeps sums over up to 2^17 rows, and products of them, within 64 bits; a power of two, so nothing is rounded."""

Program = Callable[..., Any]


def sum_of_tables(*tables: Any) -> Any:
    """W1."""
    return tables[0] + tables[1] + tables[2]


def comparisons(x: Any, y: Any) -> Any:
    """W5."""
    return x < y


def sorting(*parts: Any) -> Any:
    """W6."""
    return jnp.sort(jnp.concatenate(parts))


def regression(*rows: Any) -> Any:
    """W7, as one would write it: Zᵀ·Z of the shared rows, then Gauss and Jordan."""
    both = jnp.concatenate(rows)
    both = jnp.concatenate([jnp.ones((both.shape[0], 1)), both], axis=1)
    return _solved(both.T @ both)


def regression_in_blocks(*rows: Any) -> Any:
    """W7 for SPU at its quickest: block by block, each small enough for the processor's cache."""
    both = jnp.concatenate(rows)
    both = jnp.concatenate([jnp.ones((both.shape[0], 1)), both], axis=1)
    blocks = [both[start : start + BLOCK] for start in range(0, both.shape[0], BLOCK)]
    return _solved(sum(block.T @ block for block in blocks[1:]) + blocks[0].T @ blocks[0])


def _solved(gram: Any) -> Any:
    """The coefficients from the Gram matrix of (1, x…, y): elimination without a search for pivots."""
    count = gram.shape[0] - 1
    system = (gram * SCALE)[:count]
    for j in range(count):
        row = system[j] / system[j, j]
        factors = system[:, j].at[j].set(0.0)
        system = (system - jnp.outer(factors, row)).at[j].set(row)
    return system[:, count]


def _inputs(order: Order) -> list[tuple[int, Array]]:
    """The program's arguments, each with its owner. Of the others' arrays only shape and type are used."""
    found = [(party, order.arrays(party)) for party in range(order.parties)]
    if order.workload != "W7":
        return [(party, array) for party, arrays in found for array in arrays.values()]
    return [(party, np.column_stack([data["x"], data["y"]]) / PLACES) for party, data in found]


def _program(order: Order) -> Program:
    if order.options.get("form") == "blocks":
        return regression_in_blocks
    return {"W1": sum_of_tables, "W5": comparisons, "W6": sorting, "W7": regression}[order.workload]


def _config(order: Order, profiled: bool) -> Any:
    config = libspu.RuntimeConfig(
        protocol=getattr(libspu.ProtocolKind, order.options["protocol"]), field=libspu.FieldType.FM64
    )
    config.fxp_fraction_bits = 18
    config.max_concurrency = 1
    config.experimental_enable_colocated_optimization = True
    config.sort_method = getattr(libspu.RuntimeConfig.SortMethod, order.options.get("sort", "SORT_DEFAULT"))
    config.enable_pphlo_profile = profiled
    return config


def _connect(order: Order) -> Any:
    description = libspu.link.Desc()
    description.recv_timeout_ms = description.http_timeout_ms = TIMEOUT_MS
    for party, port in enumerate(order.ports[: order.parties]):
        description.add_party(f"party{party}", f"127.0.0.1:{port}")
    return libspu.link.create_brpc(description, order.party)


class Party:
    """One party's compiled program, link and runtime."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.inputs = _inputs(order)
        self.names = [f"in{number}" for number in range(len(self.inputs))]
        visibility = [libspu.Visibility.VIS_SECRET] * len(self.inputs)
        arrays = [array for _, array in self.inputs]
        self.executable, _ = frontend.compile(
            frontend.Kind.JAX, _program(order), arrays, {}, self.names, visibility, lambda out: ["out"] * len(out)
        )
        self.link = _connect(order)
        self.bytes_of_run: int | None = None

    def runtime(self, profiled: bool) -> Any:
        """A runtime on the link; all parties make theirs in the same order."""
        return spu.Runtime(self.link, _config(self.order, profiled))

    def run(self, runtime: Any) -> Done:
        """Deal, compute, open."""
        io = spu.Io(self.order.parties, _config(self.order, False))
        for name, (owner, array) in zip(self.names, self.inputs, strict=True):
            known = array if owner == self.order.party else np.zeros(array.shape, array.dtype)
            shares = io.make_shares(known, libspu.Visibility.VIS_SECRET, owner)
            runtime.set_var(name, shares[self.order.party])
        runtime.run(self.executable)
        share = runtime.get_var("out")
        sent = self.bytes_of_run
        if not self.order.receives:
            parts = [share.meta, *share.share_chunks]
            self.link.send_async(0, str(len(parts)))
            for part in parts:
                self.link.send_async(0, part)
            return Done(None, None if sent is None else sent + sum(map(len, parts)))
        shares = [share, *(self._received(party) for party in range(1, self.order.parties))]
        result = np.asarray(io.reconstruct(shares))
        return Done(result.astype(np.int64) if result.dtype == bool else result, sent)

    def _received(self, party: int) -> Any:
        count = int(self.link.recv(party))
        share = libspu.Share()
        share.meta = self.link.recv(party)
        share.share_chunks = [self.link.recv(party) for _ in range(count - 1)]
        return share


async def prepare(order: Order) -> Run:
    """Compile, connect, run once with SPU's count of bytes switched on and once without."""
    party = Party(order)
    party.bytes_of_run = _bytes_of_run(party, Path(f"{order.result}.{order.party}.log"))
    runtime = party.runtime(profiled=False)
    party.run(runtime)

    async def run() -> Done:
        return party.run(runtime)

    return run


def _bytes_of_run(party: Party, log: Path) -> int | None:
    """What SPU says, in its log and only there, that a run sent over its links."""
    options = libspu.logging.LogOptions()
    options.enable_console_logger = False
    options.system_log_path = str(log)
    libspu.logging.setup_logging(options)
    party.run(party.runtime(profiled=True))
    found = SENT.findall(log.read_text(encoding="utf-8", errors="replace"))
    return int(found[-1]) if found else None


if __name__ == "__main__":
    serve(prepare)
