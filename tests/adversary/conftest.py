from __future__ import annotations

from tests.node.conftest import counts_here

__all__ = ["counts_here"]
