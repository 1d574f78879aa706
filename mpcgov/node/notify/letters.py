"""What a notice says, in the language of who reads it; and the same for programs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from mpcgov.node.notify.config import Language
from mpcgov.spec.load import canonical_json

TEST = "test"


@dataclass(frozen=True)
class Sender:
    """In whose name notices go out: the party, its consortium's coordinator, and the language of its people."""

    party: str
    coordinator: str
    language: Language


@dataclass(frozen=True)
class Letter:
    """A notice for people."""

    subject: str
    text: str


def letter(sender: Sender, event: str, facts: dict[str, Any]) -> Letter:
    """A notice in words."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  # loaded by nodes that write letters

    texts = _catalogue(sender.language)
    values = facts | {"party": sender.party, "coordinator": sender.coordinator}
    values["word"] = texts["words"].get(facts.get("state"), facts.get("state", ""))
    if facts.get("approve_before"):
        values["until"] = f"{dt.datetime.fromtimestamp(facts['approve_before'], dt.UTC):%Y-%m-%d %H:%M} UTC"
    # Plain text, of our own templates and of names that have a pattern: there is nothing to escape.
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
    subject, text = (environment.from_string(texts[event][part]).render(values) for part in ("subject", "text"))
    return Letter(" ".join(subject.split()), text)


def payload(sender: Sender, event: str, facts: dict[str, Any], number: int) -> bytes:
    """A notice for programs; `id` is the same if it comes again."""
    return canonical_json({"id": f"{sender.party}-{number}", "event": event, "party": sender.party} | facts)


@cache
def _catalogue(language: Language) -> dict[str, Any]:
    text = resources.files("mpcgov.node.notify").joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
