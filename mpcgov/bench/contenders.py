"""Who computes which workload: mpcgov and its peers, how each is started, and what its privacy rests on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mpcgov.bench.places import BENCH, environment
from mpcgov.bench.workloads import PARTIES

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}

HONEST_MAJORITY = "3 parties, at most 1 curious, all follow the protocol; nothing else is shown"
DEALER = (
    "3 parties, at most 2 curious, all follow the protocol; but as measured (SPU's default) party 0 deals the random "
    "triples for products and comparisons, and could read what is computed with them"
)


@dataclass(frozen=True, eq=False)
class Contender:
    """One way to compute a workload.

    `module` is run once per party; `environment` names the peer's own virtual environment, None is this interpreter.
    `tolerance`: what its fixed-point numbers can't do better than, relative to the greatest number of the result.
    """

    name: str
    module: str
    trust: str
    environment: str | None = None
    parties: int = PARTIES
    options: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0

    def command(self) -> list[str]:
        """How to start a party."""
        python = Path(sys.executable) if self.environment is None else interpreter(self.environment)
        return [str(python), "-m", self.module]

    def surroundings(self) -> dict[str, str]:
        """A party's environment variables: one thread, and for peers no module of ours but the programs for them."""
        keep = {"PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "PYTHONPATH"}
        kept = {name: value for name, value in os.environ.items() if name in keep}
        return kept | ONE_THREAD | ({"PYTHONPATH": str(BENCH)} if self.environment else {})

    @property
    def own(self) -> bool:
        """Whether it is mpcgov, not a peer."""
        return self.environment is None

    @property
    def installed(self) -> bool:
        """Whether its environment has been made."""
        return self.environment is None or interpreter(self.environment).exists()


def interpreter(peer: str) -> Path:
    """The Python of a peer's environment."""
    return environment(peer) / "bin" / "python"


def _spu(name: str, protocol: str, trust: str = HONEST_MAJORITY, tolerance: float = 0.0, **options: str) -> Contender:
    return Contender(
        f"SPU {name}",
        "peers.on_spu",
        trust,
        environment="spu",
        options={"protocol": protocol, **options},
        tolerance=tolerance,
    )


MPCGOV = Contender("mpcgov", "mpcgov.bench.party", HONEST_MAJORITY)
ABY3 = _spu("ABY3", "ABY3")
SEMI2K = _spu("SEMI2K", "SEMI2K", DEALER)
MPYC = Contender("MPyC", "peers.on_mpyc", HONEST_MAJORITY, environment="mpyc")
QUICKSORT = "3 parties, at most 1 curious; comparisons of shuffled values are opened, as in mpcgov's sort"
FIXED_POINT = 1e-3

MATCHED = (
    "3 parties, at most 1 curious, all follow the protocol; all see the lists' padded lengths, one party a noised "
    "number of matches; nobody learns who matched"
)
NODES = Contender("mpcgov", "mpcgov.node", HONEST_MAJORITY)
LINKED = Contender("mpcgov", "mpcgov.worker", MATCHED)
COMPARED = Contender(
    "mpcgov",
    "mpcgov.worker",
    "3 parties, at most 1 curious, all follow the protocol; all see the lists' padded lengths; nobody sees how alike "
    "two records are, and only the receiver which are linked",
)
HIDDEN = Contender(
    "mpcgov",
    "mpcgov.worker",
    "3 parties, at most 1 curious, all follow the protocol; all see the lists' padded lengths; nobody learns how many "
    "match",
)
WITH_MATCHER = Contender("mpcgov, matcher", "mpcgov.worker", MATCHED, options={"job": "matcher.yaml"})
IDS_SHOWN = "2 parties, all follow the protocol; the receiver sees which of its ids the other has"
ROWS_SHOWN = "3 parties, at most 1 curious, all follow the protocol; but both owners see which ids they share"


def _psi(name: str, protocol: str) -> Contender:
    return Contender(
        f"SPU {name}", "peers.on_spu_psi", IDS_SHOWN, environment="spu", parties=2, options={"protocol": protocol}
    )


JOINED = Contender(
    "SPU RR22, then ABY3", "peers.on_spu_psi", ROWS_SHOWN, environment="spu", options={"protocol": "RR22"}
)  # fmt: skip
OPENMINED = Contender(
    "OpenMined PSI",
    "peers.on_openmined",
    "2 parties, all follow the protocol; the receiver sees how many ids both have, exactly",
    environment="openmined-psi",
    parties=2,
)

ANY_F1 = 1.0


def _compared(threshold: str, model: str) -> tuple[Contender, ...]:
    """Who compares records: anonlink with the threshold that does best, Splink with the probability of its example."""
    return (
        COMPARED,
        Contender(
            "anonlink",
            "peers.on_anonlink",
            "2 owners with a secret in common and a linkage unit, which sees every record's encoding and how alike any "
            "two are",
            environment="anonlink",
            options={"threshold": threshold},
            tolerance=ANY_F1,
        ),
        Contender(
            "Splink",
            "peers.on_splink",
            "1 party, which has both lists in the clear",
            environment="splink",
            parties=1,
            options={"model": model, "threshold": "0.2"},
            tolerance=ANY_F1,
        ),
    )


CONTENDERS: dict[str, tuple[Contender, ...]] = {
    "W1": (MPCGOV, SEMI2K, ABY3, MPYC),
    "W2": (LINKED, _psi("RR22", "RR22"), _psi("KKRT", "KKRT"), _psi("ECDH", "ECDH"), OPENMINED),
    "W3-febrl": _compared("0.75", "febrl"),
    "W3-febrl-60": _compared("0.8", "febrl"),
    "W3-low": _compared("0.8", "febrl"),
    "W3-registers": _compared("0.75", "registers"),
    "W3-million": (COMPARED,),
    "W4": (LINKED, JOINED),
    "W4-large": (LINKED, JOINED),
    "W4-oblivious": (HIDDEN, WITH_MATCHER),
    "example-count": (replace(MPCGOV, module="mpcgov.worker"),),
    "example-join": (LINKED,),
    "example-records": (COMPARED,),
    "study": (LINKED,),
    "study-large": (LINKED,),
    "W5": (MPCGOV, ABY3, SEMI2K, MPYC),
    "W6": (MPCGOV, ABY3, _spu("ABY3 quicksort", "ABY3", QUICKSORT, sort="SORT_QUICK")),
    "W7": (
        MPCGOV,
        _spu("ABY3", "ABY3", tolerance=FIXED_POINT),
        _spu("ABY3 in blocks", "ABY3", tolerance=FIXED_POINT, form="blocks"),
    ),
    "W8": (NODES,),
    "W9": (MPCGOV,),
}
"""Who runs each workload. A new peer: its program in `peers/`, an entry here, its packages in scripts/bench-peers."""
