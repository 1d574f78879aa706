"""Patterns of keys: those that engines can run, and no others."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mpcgov.spec.table import KeyColumn


@pytest.mark.parametrize("pattern", ["[0-9]{11}", "(?i)[a-z]+", "a|(?:b|c)?", "[*+]+", r"\\\\1", "[]+]x"])
def test_what_engines_can_run_is_taken(pattern: str) -> None:
    assert KeyColumn(kind="key", pattern=pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", "(?<!a)b", r"(a)\1", "(?P<n>a)(?P=n)", "a*+", "(?>a)", r"a\Z", "(a)(?(1)b)"]
)
def test_what_they_cant_run_is_refused_when_declared(pattern: str) -> None:
    with pytest.raises(ValidationError, match="no look-ahead"):
        KeyColumn(kind="key", pattern=pattern)
