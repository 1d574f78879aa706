"""What the node itself does of Web Authentication, beside what the library does that reads new passkeys."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
import webauthn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn.helpers import structs

from mpcgov.errors import InternalError, Refused
from mpcgov.node.desk import enrolment, passkeys
from mpcgov.node.desk.accounts import Passkey, Person
from mpcgov.node.desk.config import ConsoleConfig
from tests.console.agency import Agency
from tests.console.authenticator import PRESENT, VERIFIED, Authenticator, text

ROOT = Path(__file__).parents[2]
CONFIG = ConsoleConfig()
CHALLENGE = b"c" * 32
PERSON = Person("anna", "approver", "person 1", "0a" * 32)


def bits(number: int) -> bytes:
    return number.to_bytes(-(-number.bit_length() // 8), "big")


def p256() -> tuple[Any, dict[int, Any], Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    at = key.public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}
    return key, cose, lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))


def ed() -> tuple[Any, dict[int, Any], Any]:
    key = ed25519.Ed25519PrivateKey.generate()
    return key, {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}, key.sign


def rs() -> tuple[Any, dict[int, Any], Any]:
    key = rsa.generate_private_key(65537, 2048)
    at = key.public_key().public_numbers()
    cose = {1: 3, 3: -257, -1: bits(at.n), -2: bits(at.e)}
    return key, cose, lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA256())


KINDS = {-7: p256, -8: ed, -257: rs}
CLIENT = {"type": "webauthn.get", "challenge": text(CHALLENGE), "origin": CONFIG.seen_at, "crossOrigin": False}
RIGHT = {"site": CONFIG.site, "flags": PRESENT | VERIFIED, "used": 8, "client": CLIENT, "change": {}, "cut": 0}
WRONG: dict[str, dict[str, Any]] = {
    "another challenge": {"client": CLIENT | {"challenge": text(b"d" * 32)}},
    "another page": {"client": CLIENT | {"origin": "http://localhost:7181"}},
    "a page's name with more behind it": {"client": CLIENT | {"origin": CONFIG.seen_at + ".evil.example"}},
    "no page": {"client": CLIENT | {"origin": None}},
    "a new passkey's answer": {"client": CLIENT | {"type": "webauthn.create"}},
    "no JSON": {"client": None},
    "another site": {"site": "evil.example"},
    "nobody there": {"flags": VERIFIED},
    "nobody verified": {"flags": PRESENT},
    "the counter of a copy": {"used": 7},
    "a counter set back to nothing": {"used": 0},
    "less than there must be": {"cut": 1},
    "another's raw id": {"change": {"rawId": text(b"other")}},
    "another kind of credential": {"change": {"type": "password"}},
    "no response": {"change": {"response": {}}},
}


def answer(sign: Any, what: dict[str, Any]) -> dict[str, Any]:
    """What a browser sends once a passkey has signed what is said of it here."""
    client = b"{" if what["client"] is None else json.dumps(what["client"]).encode()
    about = hashlib.sha256(what["site"].encode()).digest() + struct.pack(">BI", what["flags"], what["used"])
    about = about[: len(about) - what["cut"]]
    signature = sign(about + hashlib.sha256(client).digest())
    response = {"clientDataJSON": text(client), "authenticatorData": text(about), "signature": text(signature)}
    return {"id": text(b"key"), "rawId": text(b"key"), "type": "public-key", "response": response} | what["change"]


def library_says(passkey: Passkey, credential: dict[str, Any]) -> bool:
    try:
        webauthn.verify_authentication_response(
            credential=credential, expected_challenge=CHALLENGE, expected_rp_id=CONFIG.site,
            expected_origin=CONFIG.seen_at, credential_public_key=passkey.cose_key,
            credential_current_sign_count=passkey.used, require_user_verification=True,
        )  # fmt: skip
    except Exception:  # its own, and others'
        return False
    return True


def node_says(passkey: Passkey, credential: dict[str, Any]) -> bool:
    try:
        passkeys.signed(CONFIG, passkey, credential, CHALLENGE)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("algorithm", passkeys.ALGORITHMS)
def test_an_answer_holds_as_the_library_says_too(algorithm: int) -> None:
    """With each kind of key that is asked for, and for each thing that can be wrong."""
    key, cose, sign = KINDS[algorithm]()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    passkey = Passkey(text(b"key"), "anna", cbor2.dumps(cose), public, 7)
    right = answer(sign, RIGHT)
    assert passkeys.signed(CONFIG, passkey, right, CHALLENGE) == 8
    assert library_says(passkey, right)
    for name, change in WRONG.items():
        wrong = answer(sign, RIGHT | change)
        assert (node_says(passkey, wrong), library_says(passkey, wrong)) == (False, False), name
    for part in right["response"]:
        spoiled = bytearray(passkeys._bytes(right["response"][part]))
        spoiled[-1] ^= 1
        wrong = right | {"response": right["response"] | {part: text(bytes(spoiled))}}
        assert (node_says(passkey, wrong), library_says(passkey, wrong)) == (False, False), part
    # One that never counts is as good; one that has begun to count isn't set back.
    still = answer(sign, RIGHT | {"used": 0})
    assert node_says(replace(passkey, used=0), still)
    assert library_says(replace(passkey, used=0), still)


def test_a_page_in_another_sites_frame_signs_nothing() -> None:
    """Stricter than the library: the browser's own word on it is heeded."""
    key, cose, sign = p256()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    passkey = Passkey(text(b"key"), "anna", cbor2.dumps(cose), public, 7)
    assert not node_says(passkey, answer(sign, RIGHT | {"client": CLIENT | {"crossOrigin": True}}))


def test_browsers_are_asked_what_the_library_would_ask() -> None:
    known = [Passkey(text(b"key"), "anna", b"", b"", 0)]
    required = structs.UserVerificationRequirement.REQUIRED
    there = [structs.PublicKeyCredentialDescriptor(id=b"key")]
    for ours, descriptors in ((known, there), ([], None)):
        theirs = webauthn.generate_authentication_options(
            rp_id=CONFIG.site, challenge=CHALLENGE, timeout=passkeys.TIMEOUT_MS, allow_credentials=descriptors,
            user_verification=required,
        )  # fmt: skip
        assert passkeys.to_sign(CONFIG, CHALLENGE, ours) == json.loads(webauthn.options_to_json(theirs))
    new = webauthn.generate_registration_options(
        rp_id=CONFIG.site, rp_name="mpcgov, labour", user_id=bytes.fromhex(PERSON.handle), user_name="anna",
        challenge=CHALLENGE, timeout=passkeys.TIMEOUT_MS, exclude_credentials=there,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED, user_verification=required
        ),
    )  # fmt: skip
    asked = passkeys.to_enrol(CONFIG, "labour", PERSON, known, CHALLENGE)
    assert asked == json.loads(webauthn.options_to_json(new))


def test_a_new_passkey_has_an_algorithm_that_is_asked_for() -> None:
    """Another could never sign in: the library reads more than nodes check."""
    asked = passkeys.to_enrol(CONFIG, "labour", PERSON, [], CHALLENGE)
    made = {algorithm: Authenticator(CONFIG.seen_at, algorithm=algorithm).made(asked) for algorithm in (-7, -36)}
    assert passkeys.enrolled(CONFIG, PERSON, made[-7], CHALLENGE).person == "anna"
    with pytest.raises(Refused):
        passkeys.enrolled(CONFIG, PERSON, made[-36], CHALLENGE)


@pytest.mark.usefixtures("apart")
async def test_a_new_passkey_is_read_in_a_process_of_its_own(agency: Agency) -> None:
    anna = await agency.person("anna")
    assert (await anna.get("/"))[0] == 200
    # A link that is good, and an answer to another question.
    link, bert = enrolment.add(agency.home, "bert", "viewer"), agency.browser()
    await bert.get("/enrol")
    _, asked = await bert.post("/enrol/options", {"link": link.partition("#")[2]})
    made = bert.device.made(asked["options"] | {"challenge": text(CHALLENGE)})
    assert (await bert.post("/enrol", {"ticket": asked["ticket"], "credential": made}))[0] == 403


@pytest.mark.usefixtures("apart")
def test_where_that_process_fails_nobody_is_told_that_their_passkey_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InternalError):
        passkeys.read_apart(b"{}")


def test_a_node_never_loads_the_library_and_nor_does_that_process_load_the_node() -> None:
    """It takes some megabytes and reads what strangers write; the node has the agency's keys."""
    modules = [f"mpcgov.node.desk.{path.stem}" for path in (ROOT / "mpcgov/node/desk").glob("[a-z]*.py")]
    modules.remove("mpcgov.node.desk.enrolling")
    parts = {
        f"import mpcgov.node.daemon, {', '.join(modules)}": ["webauthn", "cbor2", "OpenSSL"],
        "import mpcgov.node.desk.enrolling": ["mpcgov.keys", "mpcgov.spec", "mpcgov.trust", "sqlalchemy"],
    }
    for begin, never in parts.items():
        code = f"import sys\n{begin}\nprint([name for name in {never} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert done.stdout.strip() == "[]", begin
