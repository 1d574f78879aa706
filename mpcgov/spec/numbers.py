"""Decimal numbers as text, so that they stay exact."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?\Z")
"""As many digits as decimals are computed with exactly."""


def _decimal(value: Any) -> Any:
    text = str(getattr(value, "source", value))
    if isinstance(value, bool) or not _DECIMAL.match(text):
        raise ValueError("expected a number such as 1234.50")
    return text


DecimalText = Annotated[str, BeforeValidator(_decimal)]
