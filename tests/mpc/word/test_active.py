"""The prototype of ADR 19 runs as its page says, and finds the message that it changes."""

from __future__ import annotations

import pytest

from tests.mpc.word import active


def test_the_prototype_finds_what_it_forges(capsys: pytest.CaptureFixture[str]) -> None:
    active.main(["--elements", "300"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines][::2] == [
        "product, passive",
        "product, folded (Boneh et al., Goyal and Song)",
        "comparison, checked ANDs (Araki et al.)",
    ]
    assert [line.endswith("forgery found") for line in lines] == [False, True, True, False, True]
