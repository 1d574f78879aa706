"""What Python would do with a value and nobody can do with a secret array, told to the author of a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


def misuse(what: str) -> Callable[..., NoReturn]:
    """A method that raises TypeError: a secret array is `what`, or what to use in its place."""

    def refuse(*_args: object) -> NoReturn:
        raise TypeError(f"a secret array {what}")

    return refuse
