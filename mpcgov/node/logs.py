"""The node's log, on stderr: a line a happening, as text for people at a terminal, as JSON for everything else.

It holds ids, names, states and numbers of jobs; never what somebody sent, a trace, or a value of the data.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Any, Literal

import structlog

from mpcgov.spec.order import Step

Form = Literal["text", "json"]


def to_stderr(form: Form | None) -> None:
    """Has everything logged from now on; None: as text on a terminal, as JSON elsewhere."""
    text = sys.stderr.isatty() if form is None else form == "text"
    renderer: Any = structlog.processors.JSONRenderer()
    if text:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )


class _OneLine(logging.Handler):
    """The HTTP server's complaints without what they quote: a peer's bytes, and traces that hold them."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, saying that it happened."""
        structlog.get_logger().warning("a malformed request, or a connection that broke in one")


HTTP_LOG = logging.getLogger("mpcgov.http")
HTTP_LOG.propagate = False
HTTP_LOG.handlers[:] = [_OneLine()]


def unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody awaited, as its kind: its text, and a trace, might quote what somebody sent."""
    error = context.get("exception")
    structlog.get_logger().error("an error that nobody awaited", error=type(error).__name__ if error else "unknown")


def note(job: str, text: str) -> None:
    """Something of a job's rows, for this agency's own people."""
    structlog.get_logger().info("rows read", job=job, detail=text)


def steps(job: str, taken: Sequence[Step]) -> None:
    """Where the time of one of a job's processes went."""
    for at in dict.fromkeys(step.at for step in taken):
        mine = [step for step in taken if step.at == at]
        structlog.get_logger().info(
            "job's steps",
            job=job,
            process=at,
            seconds={step.phase: round(step.seconds, 3) for step in mine},
            waited={step.phase: round(step.waited_s, 3) for step in mine if step.rounds or step.waited_s >= 0.001},
            rounds=sum(step.rounds for step in mine),
            bytes_sent=sum(step.bytes_sent for step in mine),
        )
