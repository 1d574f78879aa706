"""What a node answers over HTTP: JSON, and errors as they may go over the wire."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

from aiohttp import web

from mpcgov.errors import LocalError, MpcgovError
from mpcgov.spec.load import IN_LOOP_BYTES, canonical_json

PIECE_BYTES, PIECE_S = 256 << 10, 30.0
"""Of a long answer so much must be taken in such a time."""

HTTP_STATUS = {1: 500, 2: 400, 3: 403, 4: 409}
"""By exit status of the error."""


def answer(value: dict[str, Any], status: int = 200) -> web.Response:
    """A value as JSON."""
    return web.Response(body=canonical_json(value), status=status, content_type="application/json")


async def worked_out(make: Callable[[], dict[str, Any]]) -> web.Response:
    """An answer that may take long to make, made beside the event loop; it only reads."""
    body = await asyncio.to_thread(lambda: canonical_json(make()))
    return web.Response(body=body, content_type="application/json")


async def taken(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """A response; if it is long, once whoever asked has taken it, piece by piece, or is gone or far too slow.

    Given to aiohttp at once, an answer of 20 MB takes 100 MB until it is read, and nobody needs to read it.
    """
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes) or len(body) <= IN_LOOP_BYTES or request.method == "HEAD":
        return response
    pieces = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
    pieces.content_length = len(body)
    try:
        await pieces.prepare(request)
        for start in range(0, len(body), PIECE_BYTES):
            await asyncio.wait_for(pieces.write(memoryview(body)[start : start + PIECE_BYTES]), PIECE_S)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except OSError:  # it has hung up
        pass
    return pieces


def told(error: MpcgovError) -> dict[str, str]:
    """An error as it goes over the wire. What it means to who asked, and whose fault it is, isn't ours to say there."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def no_route(error: web.HTTPException) -> MpcgovError:
    """What the router refused, as an error of ours."""
    hint = "do both sides run the same version?"
    return LocalError(f"no such request (HTTP {error.status})", hint=hint, code="route")


def where(error: Exception) -> str:
    """Where in our code an error was raised; its text might quote what somebody sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
