"""How a job may have fields prepared before they are compared: by public steps, which each owner takes on its own rows.

What a step does follows from its name, mpcgov's own lists (`records/words/`) and one version of a library: nodes that
run the same release prepare alike, and others don't start a job together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mpcgov.linked.encoding import FieldType

Step = Literal[
    "transliterate", "titles", "particles", "nicknames", "legal-forms", "address-de", "address-us", "digraphs"
]
STEPS: tuple[Step, ...] = get_args(Step)
"""In the order in which they are taken, whatever order a job names them in."""


@dataclass(frozen=True)
class Meaning:
    """What a step does, and in which types of field it can."""

    what: str
    types: tuple[FieldType, ...]


MEANINGS: Mapping[Step, Meaning] = {
    "transliterate": Meaning("every script is written in Latin letters", ("name", "text", "code")),
    "titles": Meaning("titles and forms of address are left out", ("name", "text")),
    "particles": Meaning("particles such as von, de or al are left out", ("name", "text")),
    "nicknames": Meaning("short forms count as the name that they stand for", ("name", "text")),
    "legal-forms": Meaning("legal forms at either end of a firm's name are left out", ("name", "text")),
    "address-de": Meaning("German addresses' abbreviations are written out", ("text",)),
    "address-us": Meaning("abbreviations of addresses in the United States are written out", ("text",)),
    "digraphs": Meaning(
        "ae, oe, ue, aa, dj, sh, ch, zh and kh count as a, o, u, a, d, s, c, z and h", ("name", "text")
    ),
}


def steps(value: Any, place: str, type_: FieldType, faults: list[str]) -> tuple[Step, ...]:
    """A field's `prepare`, in the order in which the steps are taken; anything wrong with it goes to `faults`."""
    if not isinstance(value, list) or not value or not all(isinstance(step, str) for step in value):
        faults.append(f"{place}: expected a list of steps, such as [transliterate, titles]")
        return ()
    faults += [f"{place}: no step {step}; there are {', '.join(STEPS)}" for step in value if step not in MEANINGS]
    if len(set(value)) != len(value):
        faults.append(f"{place}: a step stands twice")
    found = tuple(step for step in STEPS if step in value)
    faults += [
        f"{place}: {step} is for fields of type {' or '.join(MEANINGS[step].types)}, not {type_}"
        for step in found
        if type_ not in MEANINGS[step].types
    ]
    return found


def note(number: int, names: Sequence[str], chosen: Sequence[Step]) -> Iterator[str]:
    """What is said of a field's preparation, if it has any."""
    if chosen:
        said = "; ".join(MEANINGS[step].what for step in chosen)
        yield f"params.fields[{number}]: both owners prepare {' and '.join(names)} before anything else: {said}"
