"""How many shards a linked job's lists are split into, and how long each is: public facts alone.

Every key is in one shard, the same at all owners, by a hash under a key of theirs. Shards are linked one after the
other, so that a party holds one at a time, or side by side by workers; their sums are added up on shares. See
docs/security/linkage.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linked.facts import Linked

SHARD_KEYS = 1_000_000
"""A list of more keys is split."""

MOST_SHARDS = 256
"""One word of a hash says which."""

OVERFLOW_BITS = 76
"""A shard has more keys than its length with a probability below 2^-76: of 5 owners' 256 shards any, below 2^-64."""

ADDITIVE = frozenset({Computed.CELLS, Computed.OVERLAPS})
"""What is a sum over linked keys, so that the sums over shards add up to it."""


def obstacle(linked: Linked) -> str | None:
    """Why a job's lists are never split, in words; None if long ones are."""
    job = linked.job
    if not {kind.computed for kind in kinds.of_manifest(linked.manifest)} <= ADDITIVE:
        return f"what {linked.manifest.id} computes isn't the sum of what it computes of parts"
    if job.disclosure.dominance is not None:
        return "the greatest values that dominance looks for are those of all rows"
    if len(linked.owners) > 2 and job.linking.method == "matcher" and job.linking.size_noise == "off":
        return "with size_noise off an owner that matches would count the matches of each part"
    return None


def shard_count(linked: Linked, lengths: Mapping[str, int]) -> int:
    """Into how many shards lists of these padded lengths are split: a power of two; 1 if they aren't."""
    longest = max(lengths.values())
    if longest <= SHARD_KEYS or obstacle(linked) is not None:
        return 1
    return min(MOST_SHARDS, 1 << (-(-longest // SHARD_KEYS) - 1).bit_length())


def note(linked: Linked, lengths: Mapping[str, int]) -> str | None:
    """What a plan says of lists that may be so long; None of lists that are short enough to be whole."""
    if max(lengths.values()) <= SHARD_KEYS:
        return None
    why = obstacle(linked)
    if why is not None:
        return f"lists are linked whole, however long they are: {why}"
    return (
        f"lists of more than {SHARD_KEYS:,} keys are linked in shards, one after the other: here up to "
        f"{shard_count(linked, lengths)}, by a hash that only their owners know; what is shown is of their sum"
    )


def shard_length(length: int, shards: int) -> int:
    """The length of each shard of a list of that padded length.

    By Bernstein's inequality Binomial(n, 1/s) is above n/s + t with probability at most exp(-t²/(2(n/s + t/3))); t is
    what makes that 2^-`OVERFLOW_BITS`.
    """
    if shards == 1:
        return length
    mean, bits = length / shards, OVERFLOW_BITS * math.log(2)
    more = bits / 3 + math.sqrt(bits * bits / 9 + 2 * bits * mean)
    return min(length, math.ceil(mean + more))
