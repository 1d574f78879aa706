"""A job as fields of a form, and back: what people fill in becomes what a job file says, and nothing is decided here.

Fields have the names of the file's keys (`disclosure.min_count`), so that each fault that is found finds its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mpcgov.office.conditions import together
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.manifest import Manifest

Job = dict[str, Any]
Form = Mapping[str, Sequence[str]]
"""What stands in each field, once for each field of that name."""

LISTS = ("categories", "groups", "measures", "predictors", "quality")
SINGLE = ("weight", "outcome")
KNOWN = (*LISTS, *SINGLE, "pairs")
"""The kinds of parameters that the form has fields for; jobs with others are written as files."""

PAIR = ("first", "second")
ABSENT = "!"
"""In place of a data set: the agency takes no part. No data set can have that name; none at all: it only computes."""

NUMBERS = ("min_count", "round_to", "contributors", "dominance", "digits", "numbers")
LINK = ("method", "join", "matcher")
NOISE = ("mechanism", "amount", "unit", "bound")
CONDITION = ("column", "op", "value")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def by_form(manifest: Manifest) -> bool:
    """Whether the form can say all that a protocol needs to be told."""
    return all(param.kind in KNOWN for param in manifest.params.values())


def fields_of(manifest: Manifest, parties: Sequence[str]) -> tuple[set[str], set[str]]:
    """The fields that a job's form has, those that stand in it once, and those that it may have several of."""
    once = {"purpose", "legal_basis", "approve_within_h", "deadline_s", "do", "disclosure.margins"}
    once |= {f"link.{name}" for name in LINK} | {f"disclosure.{name}" for name in NUMBERS}
    once |= {f"disclosure.noise.{name}" for name in NOISE}
    once |= {f"parties.{party}.{name}" for party in parties for name in ("dataset", "where", "duplicates")}
    often = {f"parties.{party}.{name}" for party in parties for name in (*CONDITION, "key")} | {"receivers"}
    for name, param in manifest.params.items():
        often |= {f"params.{name}.{end}" for end in PAIR} if param.kind == "pairs" else {f"params.{name}"}
    return once, often


def job_of(form: Form, manifest: Manifest, parties: Sequence[str], texts: Mapping[str, frozenset[str]]) -> Job:
    """The job that a filled-in form says, as its file would say it; whatever is wrong with it stays in it.

    Args:
        parties: of the consortium, in the order in which they compute.
        texts: by party, the columns whose values are texts, as far as is known.
    """
    job: Job = {"protocol": manifest.id, "purpose": first(form, "purpose"), "legal_basis": first(form, "legal_basis")}
    taking = [party for party in parties if first(form, f"parties.{party}.dataset") != ABSENT]
    params = {name: value for name, value in _params(form, manifest) if value}
    job["parties"] = {party: _part(form, party, params, texts.get(party)) for party in taking}
    job["params"] = params
    if manifest.linked and (link := _link(form)):
        job["link"] = link
    job["disclosure"] = _disclosure(form)
    job["receivers"] = [name for name in _many(form, "receivers") if name in (COORDINATOR, *parties)]
    for name in ("approve_within_h", "deadline_s"):
        if text := first(form, name):
            job[name] = _number(text)
    return job


def form_of(job: Job, manifest: Manifest) -> dict[str, list[str]]:
    """The fields that say this job, as far as there are fields for it."""
    form: dict[str, list[str]] = {
        name: [str(job[name])] for name in ("purpose", "legal_basis", "approve_within_h", "deadline_s") if name in job
    }
    form["receivers"] = _texts(job.get("receivers"))
    for party, part in job.get("parties", {}).items():
        form |= _part_fields(f"parties.{party}", part)
    for name, param in manifest.params.items():
        value = job.get("params", {}).get(name)
        if param.kind == "pairs":
            form |= {f"params.{name}.{end}": [str(pair[i]) for pair in value or ()] for i, end in enumerate(PAIR)}
        else:
            form[f"params.{name}"] = _texts(value)
    form |= {f"link.{name}": [str(value)] for name, value in job.get("link", {}).items()}
    rules = dict(job.get("disclosure", {}))
    form |= _noise_fields(rules.pop("noise", {}))
    form |= {f"disclosure.{name}": ["true" if value is True else str(value)] for name, value in rules.items()}
    return form


def _params(form: Form, manifest: Manifest) -> Iterator[tuple[str, Any]]:
    for name, param in manifest.params.items():
        place = f"params.{name}"
        if param.kind == "pairs":
            pairs = zip(*(_all(form, f"{place}.{end}") for end in PAIR), strict=False)
            yield name, [list(pair) for pair in pairs if any(pair)]
        elif param.kind in SINGLE:
            yield name, first(form, place)
        elif param.kind in LISTS:
            yield name, _many(form, place)


def _part(form: Form, party: str, params: Mapping[str, Any], texts: frozenset[str] | None) -> Job:
    place = f"parties.{party}"
    if not (dataset := first(form, f"{place}.dataset")):
        return {}
    part: Job = {"dataset": dataset}
    rows = zip(*(_all(form, f"{place}.{name}") for name in CONDITION), strict=False)
    if where := together(first(form, f"{place}.where"), list(rows), texts or frozenset()):
        part["where"] = where
    if key := _many(form, f"{place}.key"):
        part["key"] = key
    rule = first(form, f"{place}.duplicates")
    used = list(dict.fromkeys(column for column in _columns(params.values(), party)))
    if rule and used:
        part["duplicates"] = dict.fromkeys(used, rule)
    return part


def _columns(values: Any, party: str) -> Iterator[str]:
    """The columns of a party that parameters name."""
    for value in values:
        if isinstance(value, str):
            owner, dot, column = value.partition(".")
            if dot and owner == party:
                yield column
        else:
            yield from _columns(value, party)


def _link(form: Form) -> Job:
    return {name: text for name in LINK if (text := first(form, f"link.{name}"))}


def _disclosure(form: Form) -> Job:
    rules: Job = {}
    for name in NUMBERS:
        if text := first(form, f"disclosure.{name}"):
            rules[name] = _number(text)
    if first(form, "disclosure.margins") == "true":
        rules["margins"] = True
    if mechanism := first(form, "disclosure.noise.mechanism"):
        amount = "epsilon" if mechanism == "discrete-laplace" else "rho"
        rules["noise"] = {
            "mechanism": mechanism,
            amount: first(form, "disclosure.noise.amount"),
            "unit": first(form, "disclosure.noise.unit"),
            "bound": _number(first(form, "disclosure.noise.bound")),
        }
    return rules


def _part_fields(place: str, part: Job) -> dict[str, list[str]]:
    rules = list(dict.fromkeys((part.get("duplicates") or {}).values()))
    return {
        f"{place}.dataset": [str(part.get("dataset") or "")],
        f"{place}.where": _texts(part.get("where")),
        f"{place}.key": _texts(part.get("key")),
        f"{place}.duplicates": _texts(rules) if len(rules) == 1 else [],
    }


def _noise_fields(noise: Job) -> dict[str, list[str]]:
    values = {name: noise.get(name) for name in ("mechanism", "unit", "bound")}
    values["amount"] = noise.get("epsilon", noise.get("rho"))
    return {f"disclosure.noise.{name}": _texts(value) for name, value in values.items()}


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def first(form: Form, name: str) -> str:
    """What stands in the first field of a name; '' if nothing does."""
    return next(iter(_all(form, name)), "")


def _all(form: Form, name: str) -> list[str]:
    return [value.strip() for value in form.get(name, ())]


def _many(form: Form, name: str) -> list[str]:
    return [value for value in _all(form, name) if value]


def _number(text: str) -> int | str:
    """A whole number; what isn't one stays as it is, and the job's own check says so."""
    return int(text) if _WHOLE.fullmatch(text) else text
