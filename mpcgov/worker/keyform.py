"""What an owner may want to say of how its keys are written, told from how they are."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from mpcgov.worker.values import Values

_CHECKS = (
    "at.vnr", "be.nn", "bg.egn", "ch.ssn", "cn.ric", "cz.rc", "de.idnr", "dk.cpr", "ee.ik", "es.dni", "fi.hetu",
    "fr.nir", "gb.nhs", "hr.oib", "it.codicefiscale", "kr.rrn", "lt.asmens", "nl.bsn", "no.fodselsnummer", "pl.pesel",
    "ro.cnp", "se.personnummer", "si.emso", "tr.tckimlik", "iban", "isin", "lei", "imei", "ean", "isbn", "luhn",
    "verhoeff",
)  # fmt: skip
_SAMPLE = 500
_ENOUGH = 30
"""One of ten random numbers passes a check digit; so many hardly ever do."""


def advice(values: Values) -> tuple[str, ...]:
    """Suggestions, with reasons."""
    return tuple(_suggestions(values))


def _suggestions(values: Values) -> Iterator[str]:
    if values.any_match(r"^\s|\s$"):
        yield "blanks around some: normalise: [trim]"
    if values.any_match("[a-z]") and values.any_match("[A-Z]"):
        yield "both cases: normalise: [casefold] if they mean the same"
    least, most = values.lengths()
    if least == most:
        yield f"each has {most} characters: length: {most}"
    elif values.all_match("^[0-9]+$"):
        yield f'{least} to {most} digits: zeros: "pad {most}" if short ones have lost leading zeros'
    if len(values) >= _ENOUGH and (found := _check(values)):
        yield f"each passes it: check: {found}"


def _check(values: Values) -> str:
    if find_spec("stdnum") is None:
        return ""
    some = [str(one) for one in values.text[:_SAMPLE].to_pylist()]
    for name in _CHECKS:
        valid = import_module(f"stdnum.{name}").is_valid
        if all(map(valid, some)):
            return name
    return ""
