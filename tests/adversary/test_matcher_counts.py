"""A matcher that counts the same list many times: its noise must not average out, and what it learns must be bounded.

The attacker matches one known person with a list that has this person or hasn't, in job after job. Gains are persons
recovered of persons tried, where half is chance and one look at epsilon 1 gives no more than 73 in 100.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from mpcgov import registry
from mpcgov.keys import Identity
from mpcgov.linkage.join import PrivateList, SpokePlan
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linkage.tags import TAG_WORDS, Texts
from mpcgov.linked import shards
from mpcgov.linked.shards import shard_length
from mpcgov.linked.sizes import least_pool
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.word.stream import private_key
from mpcgov.node import matchers
from mpcgov.node.decide import decide
from mpcgov.node.facts import View
from mpcgov.spec.statement import Proposal
from tests.linkage.linked_parties import Case, engine
from tests.mpc.word.local import Party, make_parties, run
from tests.node.test_decide import linked

PERSONS = 12
JOBS = 400
DUMMIES = least_pool(1.0, 1e-6)
PLAN = SpokePlan(0, 1, 2, 100, 100, DUMMIES, 0, "job", "labour welfare", ("labour", "welfare"))
NONE = Texts(np.zeros(0, np.uint8), np.zeros(1, np.int64))


@functools.cache
def identity(seed: int) -> Identity:
    """As much of an identity as coins are made from."""
    raw = hashlib.sha256(str(seed).encode()).digest()
    return cast(Identity, SimpleNamespace(signing_key=SimpleNamespace(private_bytes_raw=lambda: raw)))


@functools.cache
def question(number: int = 0, where: str | None = "wage >= 1") -> Proposal:
    """One of many jobs that ask for the same rows of both owners, other in whatever else a coordinator may choose."""
    proposal = linked()[0]
    parts = {
        name: part.model_copy(update={"where": where if part.dataset else None})
        for name, part in proposal.job.parties.items()
    }
    job = proposal.job.model_copy(
        update={"parties": parts, "purpose": f"Youth on support, {number}", "deadline_s": 600 + number}
    )
    return proposal.model_copy(update={"job": job, "nonce": f"{number:032x}", "proposed_at": 1000 + number})


@functools.cache
def noise_of(one: bytes, other: bytes) -> int:
    """What the coins of two owners with these secrets add to a count."""
    left, right = (PrivateList(NONE, 100, DUMMIES, secret) for secret in (one, other))
    coins = left.with_coins(PLAN, right.mark(PLAN)).coins, right.with_coins(PLAN, left.mark(PLAN)).coins
    return int(np.count_nonzero(coins[0] & coins[1]))


def secret(node: int, party: str, asked: Proposal, whole: str) -> bytes:
    manifest = registry.find(asked.job.protocol_name).manifest
    return bytes.fromhex(matchers.secret(identity(node), asked, manifest, party, whole))


def recovered(secrets: Callable[[int, int], list[bytes]], jobs: int = JOBS) -> int:
    """Of how many persons it is told rightly whether they are on the list, by the mean of all jobs' counts.

    Args:
        secrets: both owners', by the person who may be on the list and the number of the job.
    """
    rng, right = np.random.default_rng(7), 0
    for person in range(PERSONS):
        there = bool(rng.integers(2))
        counts = [there + noise_of(*secrets(person, number)) for number in range(jobs)]
        right += bool(np.mean(counts) > DUMMIES / 4 + 0.5) == there
    return right


@pytest.mark.parametrize("jobs", [40, pytest.param(JOBS, marks=pytest.mark.slow)])
def test_a_question_asked_again_and_again_shows_the_matcher_no_more_than_once(jobs: int) -> None:
    """With the job in the context of `matchers.secret`, or a fresh secret in each, they are recovered, as below."""
    nodes = list(enumerate(("labour", "welfare")))

    def asked(person: int, number: int) -> list[bytes]:
        return [secret(2 * person + node, party, question(number), str(person)) for node, party in nodes]

    assert abs(recovered(asked, jobs) - PERSONS / 2) <= 4
    assert len({tuple(asked(0, number)) for number in range(jobs)}) == 1


@pytest.mark.slow
def test_fresh_coins_would_give_nearly_everybody_away() -> None:
    assert recovered(lambda person, number: [private_key(), private_key()]) >= PERSONS - 2


def test_coins_are_others_whenever_the_rows_could_be_others() -> None:
    base = secret(1, "labour", question(), "a")
    others = [
        secret(2, "labour", question(), "a"),
        secret(1, "labour", question(), "b"),
        secret(1, "labour", question(where="wage >= 2"), "a"),
        secret(1, "labour", question(where=None), "a"),
    ]
    assert len({base, *others}) == 5
    assert base == secret(1, "labour", question(9), "a")
    shown = Counter(noise_of(base, one) for one in others)
    assert sum(shown.values()) == 4
    many = [noise_of(base, hashlib.sha256(str(n).encode()).digest()) for n in range(1500)]
    assert np.mean(many) == pytest.approx(DUMMIES / 4, abs=0.6)  # ours repeat, the other's rows change: as if all fresh
    assert np.var(many) == pytest.approx(3 * DUMMIES / 16, rel=0.2)


def matched(secrets: dict[str, bytes], shards: int = 1, attempts: int = 1) -> tuple[list[int], bytes, dict[str, Any]]:
    """The matcher's count in each shard of a real spoke, one of the lists that it got, and what the first owner says of
    its coins."""
    rows = {name: [{"key": f"person {i}"} for i in range(90)] for name in ("tax", "edu")}
    case = Case("overlap", {"tax": {}, "edu": {}}, rows)
    linked_facts, parties = case.linked(), make_parties(3, 1)

    async def one(party: Party) -> dict[str, str]:
        config = SessionConfig(tuple(case.names), party.me, 1, bytes(32), 59, 1000)
        own = case.own(linked_facts, case.names[party.me])
        own = None if own is None else dataclasses.replace(own, secret=secrets[case.names[party.me]])
        asked = LinkedRows(engine(party, config, []), config, linked_facts, "job", own)
        await (await asked.overlaps())._backing.words()
        return asked.coins

    coins = run(parties, one)
    length = 8 * TAG_WORDS * (shard_length(100, shards) + DUMMIES)
    messages = parties[0].network.messages.items()
    lists = {of: [body for (by, to, _), body in messages if (by, to, len(body)) == (of, 2, length)] for of in (0, 1)}
    tags = {of: [{body[i : i + 16] for i in range(0, length, 16)} for body in own] for of, own in lists.items()}
    assert len(lists[0]) == len(lists[1]) == shards * attempts
    assert not any(one & other for own in tags.values() for one, other in combinations(own, 2))
    return [len(one & other) for one, other in zip(tags[0], tags[1], strict=True)], lists[0][0], coins[0]


def test_in_a_job_the_count_repeats_and_the_tags_do_not() -> None:
    first, second = ({"tax": bytes([n]) * 32, "edu": bytes([n + 1]) * 32} for n in (1, 3))
    runs = [matched(first) for _ in range(3)]
    assert runs[0][0] == runs[1][0] == runs[2][0]
    assert len({tags for _, tags, _ in runs}) == 3
    assert len({tuple(coins.items()) for _, _, coins in runs}) == 1
    changed = matched(first | {"edu": second["edu"]})
    assert list(changed[2]) == ["edu tax"]
    assert changed[2] != runs[0][2]


def test_a_shard_that_is_linked_again_shows_its_count_again_and_no_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a worker dies once all tags are sent. That tags are others, `matched` asserts."""
    monkeypatch.setattr(shards, "SHARD_KEYS", 25)
    once = LinkedRows._of_shard

    async def twice(rows: LinkedRows, *asked: Any) -> Any:
        await once(rows, *asked)
        return await once(rows, *asked)

    monkeypatch.setattr(LinkedRows, "_of_shard", twice)
    counts = matched({"tax": bytes([1]) * 32, "edu": bytes([2]) * 32}, 4, attempts=2)[0]
    assert counts[::2] == counts[1::2]
    assert len(set(counts)) > 1


def test_in_shards_all_counts_repeat_or_all_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a split that is drawn for each job, counts with the same coins would vary around what they hide."""
    monkeypatch.setattr(shards, "SHARD_KEYS", 25)
    first, second = ({"tax": bytes([n]) * 32, "edu": bytes([n + 1]) * 32} for n in (1, 3))
    runs = [matched(first, 4) for _ in range(2)]
    assert runs[0][0] == runs[1][0]
    assert runs[0][2] == runs[1][2]
    changed = matched(first | {"edu": second["edu"]}, 4)
    assert changed[0] != runs[0][0]
    monkeypatch.setattr(shards, "SHARD_KEYS", 50)
    fewer = matched(first, 2)
    monkeypatch.undo()
    whole = matched(first)
    assert len({one[2]["edu tax"] for one in (runs[0], changed, fewer, whole)}) == 4
    for counts, _, _ in (*runs, fewer, whole):  # 90 persons, and in each shard noise of its own
        assert sum(counts) - 90 == pytest.approx(len(counts) * DUMMIES / 4, abs=6 * np.sqrt(3 * DUMMIES / 16 * 4))


def test_the_coins_of_shards_are_independent() -> None:
    own = PrivateList(NONE, 100, DUMMIES, bytes(32))
    plans = [dataclasses.replace(PLAN, shard=f"shard {number}") for number in range(64)]
    found = np.array([own.with_coins(plan, bytes(32)).coins for plan in plans], float)
    together = np.corrcoef(found)[np.triu_indices(len(plans), 1)]
    assert abs(together).max() < 6 / np.sqrt(DUMMIES)


def seen(epsilon: str | None) -> View:
    return View(matched={"education": None if epsilon is None else Fraction(epsilon)})


@pytest.mark.parametrize(
    ("before", "policy", "says"),
    [
        ("9", {}, ""),
        (
            "9.5",
            {},
            "education may learn epsilon 10 of a unit in people by matching (matcher_epsilon), of which 0.5 is",
        ),
        ("0", {"matcher_epsilon": "0.5"}, "this job would take 1"),
        (
            "3",
            {"rows_per_unit": {"person": {"rows": 3, "key": ["id"]}}},
            "of which 1 is left, and this job would take 3",
        ),
        (None, {}, "education has counted matches of people without noise"),
        ("99", {"matcher_epsilon": "100"}, ""),
    ],
)
def test_what_a_matcher_learns_in_all_jobs_is_bounded(before: str | None, policy: dict[str, Any], says: str) -> None:
    """Without `_matchers_bounded` in mpcgov/node/decide.py all of them are permitted."""
    asked, facts = linked({"datasets": {"people": {"columns": {"id": ["key"]}} | policy}})
    found = decide(asked, dataclasses.replace(facts, ledger=seen(before)))
    assert [says in reason for reason in getattr(found, "reasons", ())] == ([True] if says else [])


def test_a_matcher_that_may_count_by_the_policy_is_not_bounded() -> None:
    policy = {"size_noise": "off", "datasets": {"people": {"columns": {"id": ["key"]}}}}
    asked, facts = linked(policy, {"size_noise": "off"})
    assert not getattr(decide(asked, dataclasses.replace(facts, ledger=seen(None))), "reasons", ())
