"""Writes a new protocol's folder: that of a protocol which computes something of the same kind, under another name.

So a new folder is complete from the start, and stays as good an example as the protocols here are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mpcgov import files, kinds, registry
from mpcgov.errors import LocalError
from mpcgov.kinds.kind import Kind
from mpcgov.spec.ids import NAME_PATTERN
from mpcgov.spec.manifest import Protocol


def write(name: str, kind: str, place: Path) -> tuple[Path, str]:
    """A complete folder `name` in `place`.

    Args:
        kind: what owners share (`local` in a manifest), what a table has (`measure`), or a protocol to begin from.

    Returns:
        The folder, and the protocol that it was made from.

    Raises:
        LocalError: the name is no protocol's, or taken; or there is no such kind.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise LocalError(f"{name}: no protocol's name", hint="use lower-case letters, digits and hyphens")
    folder = place / name
    if name in registry.names() or folder.exists():
        taken = "there is a protocol of that name" if name in registry.names() else "is there already"
        raise LocalError(f"{name}: {taken}", hint="choose another name")
    template = _template(kind)
    with files.whole_folder(folder) as made:
        for path, data in registry.read_folder(template.folder).items():
            target = made / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_renamed(path, data.decode("utf-8"), template.manifest.id, name), encoding="utf-8")
    return folder, template.manifest.id


def _template(kind: str) -> Protocol:
    """The first protocol of a kind; vetted ones come first."""
    known = [registry.find(name) for name in registry.names()]
    for protocol in sorted(known, key=lambda one: one.manifest.status != "vetted"):
        if kind in _kinds(protocol):
            return protocol
    if kind in kinds.names():
        near = " or ".join(_near(kinds.named(kind), known))
        hint = f"take --kind {near}, and put measure: {kind} into its manifest"
        raise LocalError(f"no protocol has a table of kind {kind} yet", hint=hint)
    words = dict.fromkeys(word for protocol in known for word in _kinds(protocol))
    raise LocalError(f"no kind {kind}", hint=f"known: {', '.join(words)}")


def _near(kind: Kind, known: Sequence[Protocol]) -> list[str]:
    """For each way in which its owners can share, a protocol with a table made of the same numbers; or the way."""

    def alike(one: Kind) -> bool:
        return (one.computed, one.items, one.counts) == (kind.computed, kind.items, kind.counts)

    found = {one.manifest.local: one.manifest.id for one in known if any(map(alike, kinds.of_manifest(one.manifest)))}
    return [found.get(local, local) for local in sorted(kind.local)]


def _kinds(protocol: Protocol) -> Iterator[str]:
    yield protocol.manifest.local
    yield from (table.measure for table in protocol.manifest.tables.values())
    yield protocol.manifest.id


def _renamed(path: str, text: str, old: str, new: str) -> str:
    """A file of the template where it names itself, and without a status that nobody has given to the new one."""
    if path == "manifest.yaml":
        for key, value in (("id", new), ("version", "1"), ("status", "experimental")):
            text = re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text, count=1)
    if path in ("README.md", "reference.py"):  # the heading; further down its name may be a word, as `overlap` is
        heading, newline, rest = text.partition("\n")
        text = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, heading) + newline + rest
    return text
