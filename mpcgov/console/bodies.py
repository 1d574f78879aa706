"""What a page of ours sends: a form or a JSON object with the fields that this page has. Anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from aiohttp import web

from mpcgov.errors import LocalError

CSRF = "csrf"
FORM = "application/x-www-form-urlencoded"


async def form(request: web.Request, once: Collection[str] = (), often: Collection[str] = ()) -> dict[str, list[str]]:
    """What a form says, by field.

    Args:
        once: the fields that it has one of, or none.
        often: those of which it may have several.

    Raises:
        LocalError: it says something else, or isn't sent as our pages send theirs.
    """
    if request.content_type != FORM:
        raise LocalError("expected a form", code="body")
    try:
        given = await request.post()
    except (ValueError, LookupError):
        raise LocalError("expected a form in UTF-8", code="body") from None
    found: dict[str, list[str]] = {}
    for name, value in given.items():
        found.setdefault(name, []).append(str(value))
    for name, values in found.items():
        if name not in often and (name not in (CSRF, *once) or len(values) > 1):
            raise LocalError("the form has a field that no page of ours sends, or one twice", code="body")
    return {name: values for name, values in found.items() if name != CSRF}


async def json_object(request: web.Request, *names: str) -> dict[str, Any]:
    """A JSON object with some of these names, each once, and no other.

    Raises:
        LocalError: it is something else.
    """
    try:
        body = json.loads((await request.read()).decode(), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        body = None
    if request.content_type != "application/json" or not isinstance(body, dict) or not body.keys() <= {*names}:
        raise LocalError("expected a JSON object, as pages of ours send it", code="body")
    return body


def text(body: dict[str, Any], name: str) -> str:
    """The text of a name; '' if there is none.

    Raises:
        LocalError: it is no text.
    """
    value = body.get(name, "")
    if not isinstance(value, str):
        raise LocalError(f"{name}: expected text", code="body")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found
