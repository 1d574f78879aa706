"""Where the keys of compared records' filters come from: node, partner and fields, nothing else of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgov.keys import Identity
from mpcgov.node import filters
from tests.node.test_decide import compared

FIELDS = [{"type": "name", "columns": {"labour": "last_name", "welfare": "surname"}}]


def identity(seed: int) -> Identity:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Identity("party", "labour", "127.0.0.1:7101", key, Path("tls.crt"), Path("tls.key"), b"")


def secret(seed: int = 1, fields: list[Any] = FIELDS, **changes: Any) -> str:
    made, _ = compared()
    parties = {name: part.model_copy(update=changes) for name, part in made.job.parties.items()}
    job = made.job.model_copy(update={"params": made.job.params | {"fields": fields}, "parties": parties})
    return filters.secret(identity(seed), made.model_copy(update={"job": job, "nonce": f"{seed:032}"}))


def test_the_same_fields_of_the_same_owners_have_one_secret_whatever_rows_are_chosen() -> None:
    assert len(secret()) == 64
    assert secret(where="age < 40") == secret()
    other = [{"type": "name", "columns": {"labour": "first_name", "welfare": "surname"}}]
    assert len({secret(), secret(seed=2), secret(fields=other)}) == 3
