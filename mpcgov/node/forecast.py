"""What this node would say of a job if it were proposed: decided like a proposal, and nothing is written or charged.

It tells the coordinator no more than a proposal would: the policy's reasons, and facts of earlier jobs, whose files the
coordinator wrote. Nothing in it depends on data.
"""

from __future__ import annotations

from typing import Any

from mpcgov.node.book import Book
from mpcgov.node.facts import Deny
from mpcgov.spec.statement import Proposal

SAID_LIMIT = 100
"""Sentences of one answer: a ledger may hold any number of jobs."""


def forecast(book: Book, proposal: Proposal) -> dict[str, Any]:
    """What would be done, and why; that of an equal job's result being given again, too."""
    verdict = book.verdict(proposal, None)
    if isinstance(verdict.decision, Deny):
        return {"answer": "refuse", "reasons": list(verdict.reasons[:SAID_LIMIT])}
    answer = "ask" if verdict.decision.approve == "manual" else "approve"
    return {"answer": answer, "reasons": list(verdict.asks[:SAID_LIMIT])}
