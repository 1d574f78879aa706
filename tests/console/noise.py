"""Bodies of which none is what a page sends: by chance, or as a page's own with one thing wrong. From a seed."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.console.wire import Wire

MARK = "geheim4711"
"""Stands in what is sent, and never in a log."""

FAULT = "a fault of the console itself"

SHARES = 8
"""The many bodies at all routes take long: so they are sent by so many tests, each at its share of the routes."""

PIECES = [pytest.param(40, slice(None), id="40"),
          *(pytest.param(10_000, slice(part, None, SHARES), id=f"10000-{part}", marks=pytest.mark.slow)
            for part in range(SHARES))]  # fmt: skip
"""How many bodies, and at which of the routes."""

FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"
KINDS = (JSON, FORM, "text/plain", PARTS, "application/octet-stream", f"{FORM}; charset=nothing", "multipart/form-data",
         f"{JSON}; charset=utf-16", "", "\x0b", "application/json/json")  # fmt: skip

NAMES = ("q", "before", "page", "check", "to", "back", "state", "code", "iss", "error", "measure", "was.labour",
         "parties.labour.dataset", "do", "params.by", "csrf", "asked")  # fmt: skip


@dataclass(frozen=True)
class Right:
    """What a page sends to a route: JSON, or a form's fields. `exact`: texts of which any other is wrong."""

    body: Mapping[str, Any] | Sequence[tuple[str, str]]
    exact: tuple[str, ...] = ()

    @property
    def is_form(self) -> bool:
        return not isinstance(self.body, Mapping)


@dataclass(frozen=True)
class Body:
    """`length`: what it says of its own, if that is wrong."""

    kind: str
    lines: list[str]
    data: bytes
    length: int | None = None


async def refused(wire: Wire, method: str, path: str, body: Body, what: object) -> None:
    """A page that says no; nothing if the server hung up where a body was shorter than it says."""
    answer = await wire.ask(method, path, body.lines, body.data, body.length)
    seen = (method, path, what, body, answer)
    assert 400 <= answer.status < 500 or (body.length is not None and answer.status == 0), seen
    for trace in ("<b>", "Traceback", FAULT):
        assert trace not in answer.page, seen


async def read(wire: Wire, path: str, query: str, statuses: Collection[int]) -> None:
    """A page behind whose ? something stands."""
    answer = await wire.ask("GET", f"{path}?{query}", [], b"")
    assert answer.status in statuses, (path, answer)
    assert FAULT not in answer.page, (path, answer)


class Noise:
    """What is sent; `limit` is how many bytes the server takes at most."""

    def __init__(self, seed: int, limit: int, csrf: str) -> None:
        self._chance = random.Random(seed)
        self._limit = limit
        self._csrf = csrf
        self._seeds = ["approve", "", None, 0, -1, 1e308, [], {}, True, "\ud800", "\x00", "x" * 300, f"<b>{MARK}",
                       "{{ 7 * 7 }}", "..%2f..", "9" * 400, "a: &b [*b]", "!", "'", "1e999"]  # fmt: skip

    def body(self, right: Right) -> Body:
        """One that isn't right."""
        makes = (self._bytes, self._value, self._pairs, self._wrong, self._wrong, self._wrong, self._coded, self._huge)
        make = self._chance.choices(makes, (8, 8, 8, 20, 20, 20, 8, 1))[0]
        return make(right)

    def lengths(self, right: Right) -> Body:
        """One that is shorter than it says, so that more is waited for until the sender hangs up."""
        data = self._plain(right)
        return Body("too short", [self._type(right)], data, len(data) + self._chance.randrange(1, 1000))

    def query(self) -> str:
        """What stands behind the ? of an address; a page takes none of it for more than it is."""
        pairs = [(self._chance.choice(NAMES), self._text()) for _ in range(self._chance.randrange(5))]
        return urlencode(pairs)

    def mangled(self, value: Any) -> Any:
        """Other than it was, in one place of a text in it."""
        if isinstance(value, str):
            at = self._chance.randrange(max(1, len(value) // 2))  # of base64, the last letters may say nothing
            old = value[at : at + 1]
            return value[:at] + self._chance.choice([one for one in "ab.Z0" if one != old]) + value[at + 1 :]
        names = [
            name for name in value if name in ("response", "id", "clientDataJSON", "authenticatorData", "signature")
        ]
        name = self._chance.choice(names or list(value))
        return {**value, name: self.mangled(value[name])}

    def _plain(self, right: Right) -> bytes:
        if isinstance(right.body, Mapping):
            return json.dumps(right.body).encode()
        return urlencode([("csrf", self._csrf), *right.body]).encode()

    def _type(self, right: Right) -> str:
        return f"Content-Type: {FORM if right.is_form else JSON}"

    def _bytes(self, right: Right) -> Body:
        data = self._chance.randbytes(self._chance.randrange(1, 200))
        # By chance alone it would be a form without fields, or no JSON; never what a page sends.
        return Body("bytes", [f"Content-Type: {self._chance.choice(KINDS)}"], data + MARK.encode() + b"=1")

    def _value(self, right: Right) -> Body:
        value = self._random(0)
        value = [value] if isinstance(value, dict) and not right.is_form else value
        return Body("value", [f"Content-Type: {JSON}"], json.dumps(value).encode())

    def _pairs(self, right: Right) -> Body:
        names = [*dict(right.body), "ticket", "link", "text", "parties.labour.other", "params.correlations.first", "q"]
        pairs = [(self._chance.choice(names), self._text()) for _ in range(self._chance.randrange(12))]
        return Body("pairs", [f"Content-Type: {FORM}"], urlencode([*pairs, (MARK, "1")]).encode())

    def _wrong(self, right: Right) -> Body:
        if isinstance(right.body, Mapping):
            return Body("wrong", [f"Content-Type: {JSON}"], self._wrong_json(right.body, right.exact))
        return Body("wrong", [f"Content-Type: {FORM}"], self._wrong_form(list(right.body), right.exact))

    def _wrong_json(self, right: Mapping[str, Any], exact: Sequence[str]) -> bytes:
        text, name = json.dumps(right), self._chance.choice(list(right) or [MARK])
        another = self._chance.choice([0, None, [], {}, True, [right.get(name)], 1.5])
        more = [{**right, one: self.mangled(right[one])} for one in exact]
        found = self._chance.choice([
            {**right, MARK: self._random(1)}, {**right, name: another}, [right], *more,
            text[:-1], text + "]", text + text, f"\ufeff{text}", text.replace("}", f', "{name}": 1, "{name}": 1}}'),
            text.replace('"', "'") + "?",
        ])  # fmt: skip
        return (found if isinstance(found, str) else json.dumps(found)).encode()

    def _wrong_form(self, right: list[tuple[str, str]], exact: Sequence[str]) -> bytes:
        csrf, one = ("csrf", self._csrf), self._chance.choice([*exact, ""])
        wrong = [(name, f"<b>{MARK}" if name == one else value) for name, value in right]
        return urlencode(self._chance.choice([
            [csrf, *right, (MARK, self._text())], [csrf, csrf, *right], [csrf, (f"{MARK}[]", ""), *right],
            [*right, csrf, ("parties.labour.nothing", "x")], [csrf, *wrong, *([] if one else [(f" {MARK}", "")])],
        ])).encode()  # fmt: skip

    def _coded(self, right: Right) -> Body:
        """The right body, in a form that no page sends it in."""
        plain, way = self._plain(right), self._chance.randrange(5)
        if way == 0:
            return Body("gzip", [self._type(right), "Content-Encoding: gzip"], gzip.compress(plain))
        if way == 1:
            return Body("another kind", [f"Content-Type: {JSON if right.is_form else FORM}"], plain)
        if way == 2:
            return Body("UTF-16", [self._type(right)], plain.decode().encode("utf-16"))
        if way == 3:
            return Body("text", ["Content-Type: text/plain"], plain)
        pairs = dict(right.body).items() if isinstance(right.body, Mapping) else right.body
        parts = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in pairs)
        return Body("parts", [f"Content-Type: {PARTS}"], f"{parts}--x--\r\n".encode(errors="replace"))

    def _huge(self, right: Right) -> Body:
        size = self._chance.choice([self._limit + 1, self._limit * 2])
        if right.is_form:
            return Body("huge", [self._type(right)], self._plain(right) + b"&text=" + b"x" * size)
        return Body("huge", [self._type(right)], json.dumps({**dict(right.body), "text": "x" * size}).encode())

    def _text(self) -> str:
        return str(self._chance.choice(self._seeds)).encode(errors="replace").decode()

    def _random(self, depth: int) -> object:
        kind = self._chance.randrange(4 if depth < 3 else 1)
        if kind == 0:
            return self._chance.choice(self._seeds)
        if kind == 1:
            return [self._random(depth + 1) for _ in range(self._chance.randrange(4))]
        return {self._text(): self._random(depth + 1) for _ in range(self._chance.randrange(1, 6))}
