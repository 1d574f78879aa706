"""What a session is told before it starts, and what follows from it: security parameter, field, hash of agreement."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from math import comb

from mpcgov.errors import SpecError

STATISTICAL_BITS = 40
"""Everything statistically masked in a job together is within 2^-40 of telling nothing."""
WORD_BITS = 59
"""Up to so many value bits a job computes with machine words: differences of its integers stay within ±2^60."""
MAX_PARTIES = 64
MAX_VALUE_BITS = 4096
MAX_MASKED_OPENINGS = 2**40


@dataclass(frozen=True)
class SessionConfig:
    """The parties of one job and the numbers that they must agree on.

    `parties` are ids in job order; the party at index i has Shamir point i + 1. `me` is the own index. `binding` is the
    32-byte hash of everything else that the parties must agree on. Every integer of the job, differences included, lies
    in −2^value_bits … 2^value_bits. `masked_openings` is an upper bound of the job's statistically masked openings: one
    for each element compared and one for each element rounded. `solver_bits`: the same as `value_bits` for the integers
    inside linear systems, of which a program sees nothing (`mpcgov.precision`); 0 without such.
    """

    parties: tuple[str, ...]
    me: int
    threshold: int
    binding: bytes
    value_bits: int
    masked_openings: int
    solver_bits: int = 0
    hello_timeout_s: float = 30.0  # for loading on a busy machine; nodes notice sooner who is dead or stopped
    linger_timeout_s: float = 1.0

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise SpecError(faults, code="session-config")

    @property
    def subsets(self) -> int:
        """How many subsets of m − t parties there are: each has a PRSS key."""
        return comb(len(self.parties), self.threshold)

    @property
    def fits_words(self) -> bool:
        """Whether the job computes modulo 2^61 − 1; otherwise in a field of MPyC's that is as wide as needed."""
        return self.value_bits <= WORD_BITS

    @property
    def wide_bits(self) -> int:
        """The bits that MPyC's field must have room for."""
        return max(self.value_bits, self.solver_bits)

    @property
    def security_bits(self) -> int:
        """K: 40, and enough more that all subsets' masks and all masked openings of the job together keep the 40."""
        return STATISTICAL_BITS + ceil_log2(self.subsets) + ceil_log2(max(1, self.masked_openings))

    @property
    def subset_bits(self) -> int:
        """K less what the sum over the subsets needs: by how many bits one subset's mask exceeds what it masks."""
        return self.security_bits - ceil_log2(self.subsets)

    def agreement(self, modulus: int) -> bytes:
        """The 32-byte hash that all parties must have in common, over the binding and the session's own numbers."""
        digest = hashlib.sha256(b"mpcgov session 1")
        digest.update(self.binding)
        numbers = (len(self.parties), self.threshold, self.security_bits, self.value_bits, self.masked_openings)
        digest.update(struct.pack("<6Q", *numbers, self.solver_bits))
        for text in (*self.parties, str(modulus)):
            digest.update(struct.pack("<I", len(text.encode())) + text.encode())
        return digest.digest()


def ceil_log2(number: int) -> int:
    """⌈log₂ number⌉ for number ≥ 1."""
    return (number - 1).bit_length()


def _faults(config: SessionConfig) -> list[str]:
    m, t = len(config.parties), config.threshold
    checks = [
        (3 <= m <= MAX_PARTIES, f"{m} parties: a session needs 3 to {MAX_PARTIES}"),
        (len(set(config.parties)) == m, "two parties with the same name"),
        (t >= 1 and 2 * t < m, f"threshold {t} with {m} parties: it must be at least 1 and less than half of them"),
        (0 <= config.me < m, f"own index {config.me} is no party"),
        (isinstance(config.binding, bytes) and len(config.binding) == 32, "the binding must be 32 bytes"),
        (1 <= config.value_bits <= MAX_VALUE_BITS, f"integers of {config.value_bits} bits"),
        (0 <= config.solver_bits <= MAX_VALUE_BITS, f"linear systems of {config.solver_bits} bits"),
        (0 <= config.masked_openings <= MAX_MASKED_OPENINGS, f"{config.masked_openings} masked openings"),
    ]
    return [fault for holds, fault in checks if not holds]
