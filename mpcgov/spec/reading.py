"""How an owner's rows are written where they are: what only the owner needs to know, so that no card shows it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mpcgov.spec.derive import with_bands
from mpcgov.spec.levels import with_levels
from mpcgov.spec.load import Frozen, as_text

Text = Annotated[str, BeforeValidator(as_text)]
Place = Annotated[int, Field(ge=1, le=100_000)]
Codes = Annotated[tuple[Text, ...], Field(strict=False, max_length=1000)]

_DATE_PARTS = {"%d": "DD", "%m": "MM", "%Y": "YYYY", "%b": "MON", "%j": "DDD"}
_PART = re.compile("DDD|DD|MM|MON|YYYY")
_PART_KEPT = re.compile(f"({_PART.pattern})")
_WHOLE_DATES = (["DD", "MM", "YYYY"], ["DD", "MON", "YYYY"], ["DDD", "YYYY"])


class Reading(Frozen):
    """One column in its source.

    `source`: its name there, if another one. `missing`: what is written where there is no value. `recode`: what stands
    there, and the declared value that is meant by it. `at`: its first and last character in a line of fixed width.
    `implied`: how many of a number's last digits stand behind a point that isn't written. `sign`: where its sign is,
    if that isn't just a minus in front: `leading`, which may be a plus; `trailing`; `overpunch`, in the last digit.
    """

    source: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    missing: Codes = ()
    recode: dict[Text, Text] = Field(default_factory=dict, max_length=100_000)
    at: Annotated[tuple[Place, Place], Field(strict=False)] | None = None
    implied: Annotated[int, Field(ge=0, le=9)] = 0
    sign: Literal["leading", "trailing", "overpunch"] | None = None

    @property
    def signs(self) -> set[str]:
        """What is said of how numbers are written."""
        return {"implied", "sign"} & self.model_fields_set

    @model_validator(mode="after")
    def _forward(self) -> Reading:
        if self.at and self.at[0] > self.at[1]:
            raise ValueError("at: the first character comes after the last")
        return self


class Dialect(Frozen):
    """How a text file is written. The defaults are RFC 4180 in UTF-8; other kinds of sources have no use for these."""

    delimiter: Annotated[str, Field(pattern=r'^[^"\r\n\x00\w]$')] = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'", "\u00a0", "\u202f", "’"] | None = None
    date_format: Annotated[str, Field(max_length=20)] = "YYYY-MM-DD"
    skip_lines: Annotated[int, Field(ge=0, le=1000)] = 0

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, value: Any) -> Any:
        value = "\t" if value in ("tab", "\\t") else value
        if isinstance(value, str) and not (value.isascii() and len(value) == 1):
            twice = f"; of {value!r} declare one: between two there is an empty column" if len({*value}) == 1 else ""
            raise ValueError(f"expected one ASCII character, such as ';', or tab{twice}")
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            codec = codecs.lookup(value)
        except LookupError:
            raise ValueError("no such encoding; expected one such as utf-8, windows-1252, latin-1, utf-16") from None
        if not getattr(codec, "_is_text_encoding", True):
            raise ValueError("not an encoding of text")
        return codec.name

    @field_validator("date_format")
    @classmethod
    def _parts(cls, value: str) -> str:
        for code, part in _DATE_PARTS.items():
            value = value.replace(code, part)
        rest = _PART.sub("", value)
        if sorted(_PART.findall(value)) not in _WHOLE_DATES or re.search(r"[\w%]", rest):
            raise ValueError("expected day, month and year once each, such as DD.MM.YYYY, DD-MON-YYYY or YYYYDDD")
        return value

    @model_validator(mode="after")
    def _parted(self) -> Dialect:
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands are the same character")
        return self

    @property
    def date_pattern(self) -> str:
        """A regular expression of a date as written, with a group for each part."""
        parts = {"DD": "([0-9]{1,2})", "MM": "([0-9]{1,2})", "DDD": "([0-9]{1,3})"}
        if not _PART.sub("", self.date_format):
            parts = {"DD": "([0-9]{2})", "MM": "([0-9]{2})", "DDD": "([0-9]{3})"}  # nothing else parts them
        parts |= {"YYYY": "([0-9]{4})", "MON": "([A-Za-z]{3})"}
        return "^" + "".join(parts.get(part) or re.escape(part) for part in _PART_KEPT.split(self.date_format)) + "$"

    @property
    def date_parts(self) -> dict[str, int]:
        """Which group of `date_pattern` each part is, by `DD`, `MM`, `MON`, `DDD` or `YYYY`."""
        return {part: number for number, part in enumerate(_PART.findall(self.date_format), 1)}

    @property
    def dates_are_digits(self) -> bool:
        """Whether a date is written by digits alone, so that a number may be one."""
        return "MON" not in self.date_format and not _PART.sub("", self.date_format)


def faults(readings: Mapping[str, Reading], columns: Mapping[str, Any]) -> list[str]:
    """What is said of how columns of a source are written, and doesn't fit what they are."""
    at = {name for name, reading in readings.items() if reading.at}
    lacking = [name for name in columns if name not in at] if at else []
    found = [f"at: not said of {', '.join(lacking)}; it must be of every column or of none"] if lacking else []
    for name, reading in readings.items():
        column = columns.get(name)
        if column is not None and reading.sign and column.kind not in ("integer", "decimal"):
            found.append(f"{name}: sign is said of a column that holds no numbers")
        if column is not None and reading.implied > getattr(column, "places", 0):
            found.append(f"{name}: implied is {reading.implied}, so it must be a decimal with as many places")
    return found


def parted(value: Any) -> Any:
    """A data set as written in `datasets.yaml`, with what is the owner's own of its columns apart.

    `readings` holds how they are written, `derived` what they are derived from.
    """
    if not isinstance(value, Mapping):
        return value
    out = dict(value)
    if isinstance(out.get("missing"), list | tuple):
        out["missing_codes"], out["missing"] = _listed(out["missing"]), "drop"
    columns = out.get("columns")
    if not isinstance(columns, Mapping):
        return out
    columns, levels = with_levels(with_bands(columns))
    names = {"from": "source", **{name: name for name in Reading.model_fields if name != "source"}}
    derived = {name: one["derive"] for name, one in columns.items() if isinstance(one, Mapping) and "derive" in one}
    readings = {
        name: {names[key]: _listed(column[key]) if key == "missing" else column[key] for key in names if key in column}
        for name, column in columns.items()
        if isinstance(column, Mapping)
    }
    out["columns"] = {
        name: {key: item for key, item in column.items() if key not in (*names, "derive")}
        if name in readings
        else column
        for name, column in columns.items()
    }
    out["derived"] = {**derived, **levels, **(out.get("derived") or {})}
    out["readings"] = {**{name: own for name, own in readings.items() if own}, **(out.get("readings") or {})}
    return out


def _listed(codes: Any) -> Any:
    """Codes for no value, one of which may stand by itself; YAML takes some that are usual for nothing at all."""
    if isinstance(codes, list | tuple) and None in codes:
        raise ValueError("missing: a word there is one that YAML takes for nothing, such as NULL or ~: write 'NULL'")
    return [codes] if isinstance(codes, str) else codes
