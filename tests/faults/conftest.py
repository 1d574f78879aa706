from __future__ import annotations

from tests.node.conftest import network

__all__ = ["network"]
