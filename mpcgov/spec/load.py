"""YAML and JSON text into the types of this package: every fault at once, each with its file and line.

YAML is read by the safe composer with the scalars of the YAML 1.2 core schema, so `NO`, `on`, `01` and `1:30`
are text. Anchors, aliases, tags, duplicate keys and documents over 1 MiB are refused, and so are unknown keys.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mpcgov.errors import SpecError

LIMIT_BYTES = 1 << 20
IN_LOOP_BYTES = 64 << 10
"""What a node parses while its other jobs wait: 6 ms at most, whatever it is made of. What is longer takes a thread."""

LIMIT_DEPTH = 20
LIMIT_GROUPS = 20_000
BYTES_PER_VALUE = 8
BYTES_PER_GROUP = 256
"""A statement that may be long may have so many values, and so many lists and objects, for its length: a hundred
thousand codes of a register take 8 bytes each, and an empty object takes a hundred times that in memory."""

LIMIT_FAULTS, LIMIT_COUNTED, LIMIT_FAULT_CHARACTERS = 20, 1000, 500

# libyaml's parser where PyYAML was built with it: ten times faster, the same events and marks.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip

Model = TypeVar("Model", bound=BaseModel)


class Frozen(BaseModel):
    """Base of every signed or configured type: immutable, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", validate_default=True, ser_json_bytes="base64")


class SourceInt(int):
    """A YAML integer that remembers how it was written, for fields that are text whatever they look like."""

    source: str


class SourceFloat(float):
    """A YAML real number that remembers how it was written, so that decimals stay exact."""

    source: str


def read_text(path: Path) -> str:
    """The text of a configuration file: UTF-8, at most 1 MiB.

    Raises:
        SpecError: the file can't be read, is too long, or isn't UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{path}: can't be read ({error.strerror})", code="file") from None
    if len(data) > LIMIT_BYTES:
        raise SpecError(f"{path}: longer than 1 MiB", code="file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError(f"{path}: not UTF-8", hint="save it as UTF-8", code="file") from None


def load_yaml(path: Path, model: type[Model]) -> Model:
    """The file as a value of `model`.

    Raises:
        SpecError: with every fault as `path:line: key: what is wrong`.
    """
    return parse_again(read_text(path), model, str(path))


def parse_again(text: str, model: type[Model], where: str) -> Model:
    """Like `parse_yaml`, for the text of a file that is read time and again: of the same text the same value."""
    value: Model = _parsed(text, model, where)
    return value


def parse_yaml(text: str, model: type[Model], where: str) -> Model:
    """Like `load_yaml`, for text that came from somewhere named `where`."""
    value, lines = compose_yaml(text, where)
    return validate(value, model, where, lines)


@lru_cache(maxsize=16)
def _parsed(text: str, model: type[Model], where: str) -> Any:
    return parse_yaml(text, model, where)


def compose_yaml(text: str, where: str) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """The keys and values of a text, and the line of each by its path."""
    lines: dict[tuple[str, ...], int] = {}
    value = _Composer(where, lines).compose(text)
    if not isinstance(value, dict):
        raise SpecError(f"{where}:1: expected keys and values", code="yaml")
    return value, lines


def validate(value: Any, model: type[Model], where: str, lines: dict[tuple[str, ...], int] | None = None) -> Model:
    """A plain value as a `model`; faults name `where`, the line if known, and the key."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise SpecError(_faults(error, where, lines or {}), code="spec") from None


def parse_json(data: bytes, model: type[Model], where: str, limit_bytes: int = LIMIT_BYTES) -> Model:
    """Signed JSON bytes as a `model`: no duplicate keys, no NaN, at most `limit_bytes`.

    Raises:
        SpecError: the bytes are not such JSON, or don't fit the model.
    """
    if faults := _key_faults(json_value(data, where, limit_bytes), model, where):
        raise SpecError(faults, code="spec")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise SpecError(_faults(error, where, {}), code="spec") from None


def json_value(data: bytes, where: str, limit_bytes: int = LIMIT_BYTES) -> Any:
    """Strict JSON: UTF-8, no duplicate keys, no NaN or infinity, bounded length and depth."""
    if len(data) > limit_bytes:
        raise SpecError(f"{where}: longer than {limit_bytes} bytes", code="json")
    # Before anything is made of them. What stands in texts counts as well; no statement has so many.
    groups = data.count(b"[") + data.count(b"{")
    if groups > max(LIMIT_GROUPS, limit_bytes // BYTES_PER_GROUP) or data.count(b",") > limit_bytes // BYTES_PER_VALUE:
        raise SpecError(f"{where}: too many values", code="json")
    try:
        text = data.decode("utf-8")
        return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise SpecError(f"{where}: not valid JSON", code="json") from None


def canonical_json(value: Any) -> bytes:
    """The bytes of a JSON value, the same on every machine: keys in the value's own order, no blanks, UTF-8, no NaN.

    The order of keys is kept because it means something: the parties of a job, the columns of a data set.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    """A number, unless it is one that only looks finite: 1e999 would be read as infinity."""
    if not math.isfinite(number := float(text)):
        raise ValueError("not finite")
    return number


class _Composer:
    """YAML nodes into plain values, noting the line of every key."""

    def __init__(self, where: str, lines: dict[tuple[str, ...], int]) -> None:
        self.where = where
        self.lines = lines

    def compose(self, text: str) -> Any:
        try:
            self._refuse_indirection(text)
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = mark.line + 1 if mark is not None else 1
            raise SpecError(f"{self.where}:{line}: not valid YAML", hint="check the indentation", code="yaml") from None
        except (yaml.YAMLError, RecursionError):
            raise SpecError(f"{self.where}: not valid YAML", code="yaml") from None
        return None if node is None else self._value(node, ())

    def _refuse_indirection(self, text: str) -> None:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise SpecError(f"{self.where}:{line}: anchors and aliases are not allowed", code="yaml")
            if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
                raise SpecError(f"{self.where}:{line}: tags are not allowed", code="yaml")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > LIMIT_DEPTH:
                raise SpecError(f"{self.where}:{line}: nested too deeply", code="yaml")

    def _value(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.style else _scalar(node.value)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, str(i))) for i, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: yaml.Node, path: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise SpecError(f"{self.where}:{line}: a key must be text", code="yaml")
            key = key_node.value
            if key in result:
                raise SpecError(f"{self.where}:{line}: {'.'.join((*path, key))} stands twice", code="yaml")
            self.lines[(*path, key)] = line
            result[key] = self._value(value_node, (*path, key))
        return result


def _scalar(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.match(text) and len(text) <= 40:
        integer = SourceInt(text)
        integer.source = text
        return integer
    if _FLOAT.match(text):
        number = SourceFloat(text)
        number.source = text
        return number
    return text


def as_text(value: Any) -> Any:
    """A validator: numbers become the text as it was written, for fields that hold text whatever it looks like."""
    return getattr(value, "source", value)


def _key_faults(value: Any, model: type[BaseModel], where: str) -> list[str]:
    """What a whole statement lacks or has too much. Pydantic would keep a copy of all of it with each such fault."""
    if not isinstance(value, dict):
        return []
    fields = model.model_fields
    faults = [f"{name}: missing" for name, field in fields.items() if field.is_required() and name not in value]
    faults += [f"{name}: unknown key" for name in itertools.islice(value.keys() - fields.keys(), LIMIT_FAULTS)]
    return [f"{where}: {text}"[:LIMIT_FAULT_CHARACTERS] for text in faults[:LIMIT_FAULTS]]


def _faults(error: ValidationError, where: str, lines: dict[tuple[str, ...], int]) -> list[str]:
    count = error.error_count()
    if count > LIMIT_COUNTED:  # to look at each takes longer than to find them
        return [f"{where}: {count} faults, too many to list"]
    items = error.errors(include_input=False, include_url=False)[:LIMIT_FAULTS]
    more = [f"{where}: and {count - LIMIT_FAULTS} more"] if count > LIMIT_FAULTS else []
    return [_fault(item, where, lines)[:LIMIT_FAULT_CHARACTERS] for item in items] + more


def _fault(item: ErrorDetails, where: str, lines: dict[tuple[str, ...], int]) -> str:
    path, text = tuple(str(part) for part in item["loc"]), _text(item)
    known = path
    while known and known not in lines:
        # A discriminated union puts its tag into the location, which the file doesn't have; never as its last part,
        # which may be the key that is missing.
        shorter = [path[:i] + path[i + 1 :] for i in range(len(path) - 1) if path[:i] + path[i + 1 :] in lines]
        if shorter:
            path = known = shorter[0]
        else:
            known = known[:-1]
    named = (*known, text.partition(":")[0])  # a fault of several keys together begins with one of them
    line = next((f":{lines[place]}" for place in (named, known) if place in lines), "")
    return f"{where}{line}: {'.'.join(path)}: {text}" if path else f"{where}{line}: {text}"


def _text(item: ErrorDetails) -> str:
    """What is wrong, without pydantic's words for it where we have better ones."""
    kind, text = item["type"], item["msg"]
    if kind == "union_tag_invalid":
        discriminator, tags = (item["ctx"][name] for name in ("discriminator", "expected_tags"))
        return f"{discriminator.strip(chr(39))}: expected one of {tags}"
    return {"extra_forbidden": "unknown key", "missing": "missing"}.get(kind, text.removeprefix("Value error, "))
