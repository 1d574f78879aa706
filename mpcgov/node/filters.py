"""What the keys of compared records' filters are made from: the same whenever the same fields are compared.

Filters are secret from all but their owners, so keys that stay tell nobody anything new; and links that hung on a job's
own keys would give another number for the same rows each time (`docs/security/linkage.md`).
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mpcgov import registry
from mpcgov.keys import Identity
from mpcgov.spec.ids import digest
from mpcgov.spec.load import canonical_json
from mpcgov.spec.statement import Proposal


def secret(identity: Identity, proposal: Proposal) -> str:
    """Of one owner 32 bytes in hexadecimal digits: its node's own for this partner and these fields.

    Only the partner is told, and only inside a job. New keys of the node make others.
    """
    job = proposal.job
    context = canonical_json(
        {"owners": list(job.data_parties), "fields": job.params["fields"], "engine": registry.engine_digest()}
    )
    raw = identity.signing_key.private_bytes_raw()
    info = b"mpcgov keys of filters " + digest(context).encode()
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(raw).hex()
