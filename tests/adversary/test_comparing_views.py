"""What each party receives where records are compared: the same lengths whatever they hold, and uniform words.

Two worlds of equal padded sizes: nobody is like anybody; or there are three times as many, and everybody is somebody's.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from mpcgov.linkage.similar.best import LANES
from mpcgov.linkage.similar.small import unpacked
from mpcgov.mpc.word import compare
from mpcgov.mpc.word.wire import CHANNELS_PER_OPERATION, MESSAGES_PER_CHANNEL
from tests import nightly
from tests.adversary.laws import ENOUGH, even, uniform
from tests.linkage.similar.compared import Case

RUNS = {"links": 4, "probable": 4, "three": 4}
"""How often each of these jobs is run, whose words are looked at; others twice, for their lengths."""

PEOPLE = 30
UNLIKELY = 1e-8
"""No least of a test's p-values, times their number, should be smaller."""

PARAMS = {
    "links": {},
    "blocks": {"output": "count", "identify": None},
    "exact": {"output": "count", "identify": None, "exact": ["tax.name"]},
    "probable": {"output": "count", "identify": None, "threshold": None, "min_probability": "0.5"},
    "three": {"output": "count", "identify": None, "threshold": None, "min_probability": "0.5"},
    "statistics": {"output": "statistics", "identify": None, "measures": ["tax.income"]},
}
REPORT = {"output": "count", "identify": None, "report": ["tax.sex", "wel.sex"]}
YEARS = {False: (1990, 1991, 1992), True: (1990, 1992, 1999)}
"""In one world the blocks are as full as each other, in the other some are, one is empty, and some records in none.

Where links are probable there are two passes, in which records meet others in one world, and the same in the other.
"""

FOUR_OF_13 = 0x1FFF_1FFF_1FFF_1FFF
"""The bits of a word that has four elements of 13 bits."""

LOOKED_AT = (90, 150, 20)
"""More messages than these, by receiver, are long enough; the third one helps the others and gets little.

Of three registers it has one itself: the first is compared with it, and the second helps.
"""

Label = tuple[int, int, int]

SORTS: dict[str, set[int]] = defaultdict(set)
"""Of each job, the operations that open how rows compare, in an order that nobody knows."""


@functools.cache
def views(output: str, everybody: bool) -> dict[Label, list[np.ndarray]]:
    """What was sent from whom to whom, message by message, in each run of a job, disclosure control included."""
    params = PARAMS.get(output, REPORT)
    first = [f"{'abcdef'[i % 6] * 3}{'ghijk'[i % 5] * 3}{'lmno'[i % 4]}" for i in range(PEOPLE * (1 + 2 * everybody))]
    second = first if everybody else ["zzxxzz" for _ in range(PEOPLE)]
    result: dict[Label, list[np.ndarray]] = defaultdict(list)
    years = None
    if output in ("blocks", "probable"):
        years = tuple([YEARS[everybody][i % 3] for i in range(len(names))] for names in (first, second))
    further = (
        (years if everybody else (years[0], [1990 + i // 2 % 2 * 2 for i in range(len(second))]),) if years else ()
    )
    for _ in range(RUNS.get(output, 2)):
        third = second if output == "three" else None
        case = Case(first, second, params, blocks=years, further=further if output == "probable" else (), third=third)
        with patch.object(compare, "open_less", noting(SORTS[output])):
            _, parties = case.run()
        for label, message in parties[0].network.messages.items():
            result[label].append(np.frombuffer(message, np.uint64))
    return dict(result)


def noting(operations: set[int]) -> Any:
    """What opens comparisons of a sort, and notes the numbers of such operations."""
    inner = compare.open_less

    async def noted(channel: Any, *arguments: Any) -> Any:
        operations.add(channel.number // CHANNELS_PER_OPERATION)
        return await inner(channel, *arguments)

    return noted


@pytest.mark.parametrize(
    "output", nightly.first(2, ["links", "probable", "exact", "blocks", "statistics", "report", "three"])
)
def test_lengths_and_order_of_messages_do_not_go_with_the_records(output: str) -> None:
    """But for sorts that bring rows of one partner together: their comparisons go with an order that nobody knows."""
    worlds = [views(output, everybody) for everybody in (False, True)]
    assert len(SORTS[output]) == {"probable": 1, "three": 2}.get(output, 0)
    lengths = [
        {label: {len(m) for m in found} for label, found in world.items() if operation(label) not in SORTS[output]}
        for world in worlds
    ]
    assert len(lengths[0]) > 300
    assert lengths[0] == lengths[1]


def operation(label: Label) -> int:
    """The number of the operation that a message belongs to."""
    return label[2] // (MESSAGES_PER_CHANNEL * CHANNELS_PER_OPERATION)


@pytest.mark.by_day(6)
@pytest.mark.parametrize("output", nightly.first(2, ["links", "probable", "three"]))
@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize("receiver", [0, 1, 2])
def test_what_a_party_receives_is_uniform_whatever_the_records(receiver: int, everybody: bool, output: str) -> None:
    """Bit by bit and byte by byte; two elements of the small prime to a word, or four, have bits of their own."""
    messages = {label: words for label, words in views(output, everybody).items() if label[1] == receiver}
    runs, bytes_, spreads, long = RUNS[output], [], [], []
    for label, words in ((label, np.concatenate(found)) for label, found in messages.items()):
        if words.size < 100 or len(np.unique(words)) < 3:
            continue  # lengths, which are public
        top = int(np.bitwise_or.reduce(words))
        packed = top >> 32 and not top >> 49 and not (top >> 17) & 0x7FFF  # elements of 17 bits: their upper bytes
        random = unpacked(words, 2 * words.size, 17, 0) >> 9 if packed else words
        if top == FOUR_OF_13:
            random = unpacked(words, 4 * words.size, 13, 0) >> 5
        bytes_.append(even([random]))
        if random.size >= ENOUGH:
            spreads.append(uniform(random))
        if top >> 63:
            long.append((label, words[: words.size // runs * runs].reshape(runs, -1)))
    assert len(bytes_) > LOOKED_AT[receiver], "hardly anything was looked at"
    # Both others' pieces of what a sort opens give outcomes of comparisons, as even as the pivots of a drawn order.
    pairs = [
        one ^ other
        for i, (label, one) in enumerate(long)
        for beside, other in long[:i]
        if one.shape == other.shape and not (label[2] == beside[2] and operation(label) in SORTS[output])
    ][:1000]
    neighbours = [words[:, 1:] ^ words[:, :-1] for _, words in long]
    for found in (bytes_, spreads, [fair(words) for words in (*pairs, *neighbours)]):
        assert min(found) * len(found) > UNLIKELY


def fair(words: np.ndarray) -> float:
    """That as many bits are 1 as 0: no two messages, or neighbours in one, have a mask in common. By the normal law."""
    bits = LANES * words.size
    return math.erfc(abs(2 * int(np.bitwise_count(words).sum()) - bits) / math.sqrt(2 * bits))


def test_no_text_is_on_the_wire() -> None:
    """Texts of seven bytes and more: among fourteen million, four are somebody's by chance in one run of 300."""
    everything = b"".join(words.tobytes() for messages in views("links", True).values() for words in messages)
    for text in (b"aaagggl", b"tax1tax2", b"wel1wel2", b"tax1\0\0\0\0", b"wel1\0\0\0\0"):
        assert text not in everything


def test_runs_have_filters_masks_and_orders_of_their_own() -> None:
    """No long message comes twice, though the records are the same."""
    for messages in views("links", True).values():
        sent = [words.tobytes() for words in messages if words.size > 4 and len(np.unique(words)) > 2]
        assert len(set(sent)) == len(sent)
