"""What it takes to link rows and add up their cells, or fit a model to them: who sends how much, and who holds it.

By public facts alone. What clearing a cell costs stands in the protocol's manifest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, prod

from mpcgov import kinds
from mpcgov.errors import MEMORY, SpecError
from mpcgov.linked import sums, wanted
from mpcgov.linked.dealing import Dealing, dealing
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import Model, model
from mpcgov.linked.plan import LinkPlan, Spoke, Star, link_plan
from mpcgov.linked.sets import owner_sets
from mpcgov.linked.shards import shard_count, shard_length
from mpcgov.linked.sizes import padded_length, pool, table_third
from mpcgov.linked.solving import multiplied_bytes, solved_bytes
from mpcgov.linked.traffic import WORD, converted, equal, negative

TAG, PLACE = 16, 4
"""Bytes of a tag, and of the number of a row."""

SORT = 32
"""Bytes that each party sends to sort one row, for each doubling of the rows: as measured, of three words each."""

BATCH_ROWS, BATCH_ROUNDS, SIDE_BY_SIDE = 43690, 7, 2
"""How many rows the oblivious method compares in a batch, its rounds, and how many batches are under way at once."""
MATCHER_ROUNDS = 2
"""What a matcher's join takes in place of those."""

MOST_BESIDE = 1 << 24
"""Fewer elements than that are brought by all spokes of a star side by side; more of them one spoke after the other."""

SHARD_ROUNDS, SPOKE_ROUNDS = 1, 4
"""As measured, of one more shard, and of its spokes, which go side by side."""

SORT_ROUNDS, SHUFFLE_ROUNDS, FEW_BITS = 5 / 4, 21, 8
"""As measured, of finding the greatest values: for the square of how often rows double beyond 2^8, which are compared
all with all; and for these, shuffling, and comparing what was found."""

CLOSING_ROUNDS, CLOSING_TOGETHER_ROUNDS = 13, 25
"""As measured: to hide more cells of one owner's groups."""

MEMORY_LIMIT_BYTES = 8_000_000_000
"""A job whose linked rows would take more at each party ends before any tag is sent."""


@dataclass(frozen=True)
class LinkCost:
    """Bytes that each party sends to all others together, and bytes that each holds of the linked rows.

    `rounds`: of the oblivious method, beside those that jobs have with a matcher.
    """

    bytes_sent: Mapping[str, int]
    memory_bytes: int
    rounds: int = 0


def most(linked: Linked, threshold: int) -> LinkCost:
    """The cost if every owner has as many keys as its data set may have rows."""
    plan = link_plan(linked.job, linked.manifest, threshold)
    lengths = {owner: padded_length(linked.declarations[owner].max_rows) for owner in linked.owners}
    return link_cost(linked, plan.settled(lengths), lengths, threshold)


def link_cost(linked: Linked, plan: LinkPlan, lengths: Mapping[str, int], threshold: int) -> LinkCost:
    """The cost of lists of these padded lengths, with settled roles: of all their shards, one after the other."""
    shards = shard_count(linked, lengths)
    one = _link_cost(
        linked, plan, {owner: shard_length(length, shards) for owner, length in lengths.items()}, threshold
    )
    sent = {party: shards * count for party, count in one.bytes_sent.items()}
    summed = SHARD_ROUNDS * (len(linked.owners) > 2 or not _overlaps(linked))
    again = len(plan.stars) * (summed + SPOKE_ROUNDS)
    agreed = len(plan.stars) * (shards > 1)  # how many go side by side
    return LinkCost(sent, one.memory_bytes, shards * one.rounds + (shards - 1) * again + agreed)


def _link_cost(linked: Linked, plan: LinkPlan, lengths: Mapping[str, int], threshold: int) -> LinkCost:
    """The cost of one shard, whose lists have these lengths."""
    parties = len(linked.job.parties)
    sent: Counter[str] = Counter()
    memory_bytes = rounds = 0
    oblivious = linked.job.linking.method == "oblivious"
    for star in plan.stars:
        rows = {owner: lengths[owner] + plan.dummies for owner in lengths}
        dealt_bytes = WORD * (parties - 1 - threshold)
        made = _made(linked, star)
        sizes = _sizes(star, made)
        compared = 0
        for spoke in star.spokes:
            if oblivious:
                sent += _compared(spoke, rows, sizes.get(spoke.other, 1), tuple(linked.job.parties), threshold)
                compared = BATCH_ROUNDS * -(-rows[star.left] // (BATCH_ROWS * SIDE_BY_SIDE)) - MATCHER_ROUNDS
            else:
                sent += {spoke.left: TAG * rows[spoke.left], spoke.other: TAG * rows[spoke.other]}
                sent += _brought(spoke, sizes.get(spoke.other, 0), rows, dealt_bytes)
        rounds += compared  # spokes are side by side
        if made is None:
            sent += dict.fromkeys(linked.owners, dealt_bytes * plan.dummies)
            continue
        groups = made.groups if isinstance(made, Dealing) else 0
        sent[star.left] += dealt_bytes * rows[star.left] * (sizes[star.left] + groups)
        everybody = _everybody(made, sizes, star.left, rows[star.left], parties, threshold)
        sent += dict.fromkeys(linked.job.parties, everybody)
        memory_bytes = max(memory_bytes, star_bytes(linked, star, lengths, sizes))
    return LinkCost({party: sent[party] for party in linked.job.parties}, memory_bytes, rounds)


def _made(linked: Linked, star: Star) -> Dealing | Model | None:
    """What is made of a star's rows: sums in cells, or a regression; None if matches are only counted."""
    if linked.asked.outcome is not None:
        return model(linked)
    return None if _overlaps(linked) and len(linked.owners) == 2 else star_dealing(linked, star)


def _sizes(star: Star, made: Dealing | Model | None) -> dict[str, int]:
    """How many columns each owner of a star deals, that of its real rows included."""
    if isinstance(made, Model):
        owners = (star.left, *(spoke.other for spoke in star.spokes))
        return {owner: 1 + len(made.limbs(owner)) + made.classes(owner) for owner in owners}
    return {} if made is None else {owner: len(dealt) for owner, dealt in made.dealt.items()}


def _everybody(
    made: Dealing | Model, sizes: Mapping[str, int], left: str, rows: int, parties: int, threshold: int
) -> int:  # fmt: skip
    """What each party sends once the rows are linked."""
    if isinstance(made, Dealing):
        return _products(made, rows, parties, threshold) + _sorts(made, rows)
    columns = {owner: size - 1 for owner, size in sizes.items()}
    products = made.batches(comb(parties, threshold)) * (1 + sum(len(made.limbs(owner)) for owner in sizes)) ** 2
    multiplied = multiplied_bytes(columns, left, rows, products, parties, threshold)
    return multiplied + solved_bytes(made, parties, threshold)


def star_dealing(linked: Linked, star: Star) -> Dealing:
    """What is dealt for one star: for tables with cells all sums, for overlaps the sets that begin with its owner."""
    if not _overlaps(linked):
        return dealing(linked, star.left, list(wanted.by_name(linked).values()), linked.owners)
    sets = [owned for owned in owner_sets(linked.owners) if owned[0] == star.left]
    common = [sums.sum_of(linked, (), frozenset(owned)) for owned in sets]
    return dealing(linked, star.left, common, (star.left, *(spoke.other for spoke in star.spokes)))


def _overlaps(linked: Linked) -> bool:
    return any(kind.of_sets for kind in kinds.of_manifest(linked.manifest))


def held_bytes(columns: int, rows: int) -> int:
    """What every party holds of the linked rows of a star: a word for each row and dealt column."""
    return WORD * rows * columns


def refuse_too_much(needed: int) -> None:
    """Before anything but the lists' lengths is known: whether a party can hold the linked rows.

    Raises:
        SpecError: it can't; the same at every party. Doesn't say how much it takes: not all readers know the lengths.
    """
    if needed > MEMORY_LIMIT_BYTES:
        raise SpecError(
            f"linking so many rows takes more than {MEMORY_LIMIT_BYTES / 1e9:,.0f} GB at each party",
            hint="ask for fewer groups of the owners but the first, or for fewer measures",
            code=MEMORY,
        )


def star_bytes(linked: Linked, star: Star, lengths: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """A bound on what a party holds of a star whose owners have so many keys and dealt columns."""
    tables = [table_third(lengths[spoke.other]) * sizes[spoke.other] for spoke in star.spokes]
    at_once = sum(tables) if are_side_by_side(linked, star, lengths, sizes) else max(tables)
    oblivious = linked.job.linking.method == "oblivious"  # whose tables are there with their pads and what is sent
    rows = lengths[star.left] + pool(linked.job.linking)
    return held_bytes(sum(sizes.values()), rows) + (9 * WORD * at_once if oblivious else 0)


def are_side_by_side(linked: Linked, star: Star, lengths: Mapping[str, int], sizes: Mapping[str, int]) -> bool:
    """Whether all spokes of a star whose owners have so many keys and dealt columns go at once."""
    rows = lengths[star.left] + pool(linked.job.linking)
    others = sum((rows + lengths[spoke.other]) * sizes[spoke.other] for spoke in star.spokes)
    return rows * sizes[star.left] + others < MOST_BESIDE


def _brought(spoke: Spoke, columns: int, rows: Mapping[str, int], dealt_bytes: int) -> Counter[str]:
    """What a matcher brings into the left owner's order; nothing for a count."""
    if not columns:
        return Counter()
    left_rows, together = rows[spoke.left], rows[spoke.other] + rows[spoke.left]
    half = dealt_bytes * left_rows * columns
    matcher = PLACE * (together + left_rows) + half
    return Counter({spoke.other: WORD * together * columns, spoke.matcher: matcher, spoke.left: half})


def _compared(
    spoke: Spoke, rows: Mapping[str, int], columns: int, parties: Sequence[str], threshold: int
) -> Counter[str]:  # fmt: skip
    """The oblivious method's table, places and candidates, and everybody's part in comparing and choosing them."""
    left_rows, count = rows[spoke.left], len(parties)
    everybody = 3 * left_rows * equal(count, threshold) + converted(left_rows * (columns - 1), count, threshold)
    half = WORD * (count - 1 - threshold) * 3 * left_rows * columns
    sent = Counter(dict.fromkeys(parties, everybody))
    sent[spoke.other] += WORD * 3 * table_third(rows[spoke.other]) * columns
    sent[spoke.left] += PLACE * 3 * left_rows + half
    sent[spoke.matcher] += half
    return sent


def sort_rounds(linked: Linked) -> int:
    """The rounds of finding each cell's greatest values, one measure after the other, as measured."""
    if linked.job.disclosure.dominance is None:
        return 0
    rows = min(padded_length(linked.declarations[owner].max_rows) for owner in linked.owners)
    one = SHUFFLE_ROUNDS + round(SORT_ROUNDS * max(0, rows.bit_length() - FEW_BITS) ** 2)
    return one * len(linked.asked.measures)


def closing_cost(linked: Linked, threshold: int) -> tuple[int, int]:
    """Rounds, and the bytes that each party sends, to close the groups of owners that receive the result: of every cell
    a number is compared, and of every group two; of several owners' groups three, and products of cells."""
    parties, groups = len(linked.job.parties), []
    cells = prod(len(linked.values(column)) for column in linked.asked.groups)
    for owner in linked.knowing_groups:
        own = [len(linked.values(column)) for column in linked.asked.groups if column.party == owner]
        if prod(own) < cells and (own or linked.left is None):
            groups.append(prod(own))
    if not groups:
        return 0, 0
    if len(groups) > 1:
        compared, multiplied = 3 * (sum(groups) + 1), 10 * cells
    else:
        compared, multiplied = cells + 2 * groups[0], 6 * cells
    rounds = CLOSING_ROUNDS if len(groups) == 1 else CLOSING_TOGETHER_ROUNDS
    return rounds, compared * negative(parties, threshold) + converted(multiplied, parties, threshold)


def _sorts(made: Dealing, rows: int) -> int:
    """What each of three parties sends to find each cell's greatest values: a sort for each measure, roughly."""
    if made.ranked is None:
        return 0
    sorted_rows = rows + made.ranked.cells
    return SORT * len(made.ranked.values) * sorted_rows * sorted_rows.bit_length()


def _products(made: Dealing, rows: int, parties: int, threshold: int) -> int:
    """What each party sends for products of columns of several owners, and for the sums."""
    wanted = {term for column in made.columns for term in column}
    products = {term[:length] for term in wanted for length in range(2, len(term) + 1)}
    return converted(len(products) * rows + made.groups * len(made.columns), parties, threshold)
