"""Workspaces for linked jobs: vectors as agencies' files and job files."""

from __future__ import annotations

from mpcgov.protocol.trial import job_of, write

__all__ = ["job_of", "write"]
