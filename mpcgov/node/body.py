"""What somebody sends with a request, within limits of length and time."""

from __future__ import annotations

import asyncio

from aiohttp import web

from mpcgov.errors import PeerError, SpecError
from mpcgov.spec.load import IN_LOOP_BYTES

BODY_S = 30.0


async def read_body(request: web.Request, limit_bytes: int = IN_LOOP_BYTES) -> bytes:
    """The request's body, as far as it is allowed to go, within the time that it may take."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                data.extend(chunk)
                if len(data) > limit_bytes:
                    raise SpecError(f"the request is longer than {limit_bytes} bytes", code="too-long")
    except TimeoutError:
        raise PeerError("the request took too long to arrive", code="too-slow") from None
    return bytes(data)
