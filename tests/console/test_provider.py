"""People who sign in at their agency's own provider: whose account lets in whom, and everything that doesn't."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from mpcgov.clock import RealClock
from mpcgov.console import guard
from mpcgov.errors import LocalError, PeerError, SpecError
from mpcgov.node import operator
from mpcgov.node.desk import access, enrolment, provider
from mpcgov.node.desk.config import ConsoleConfig, ProviderConfig
from mpcgov.node.desk.provider import Provider
from mpcgov.spec.load import validate
from tests.chromium import axe, chromium, desk, kept, visit
from tests.console.agency import Agency, served
from tests.console.authenticator import Browser
from tests.console.issuer import CLIENT, SECRET, Issuer
from tests.node.network import Network
from tests.ports import free_ports

ROLES = "role_claim: groups, roles: {mpc-approvers: approver, staff: viewer}"


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[Issuer]:
    """A provider, and an agency whose node.yaml names it."""
    network = Network(tmp_path)
    found = Issuer(free_ports(1)[0], network.clock.now)
    await found.open()
    found.network = network
    yield found
    await found.close()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests try oftener than people may."""
    monkeypatch.setattr(guard, "TRIES", 10**6)
    monkeypatch.setattr(access, "ATTEMPTS", 10**6)


@pytest.fixture
async def agency(issuer: Issuer) -> AsyncIterator[Agency]:
    home, (port,) = issuer.network.home("labour"), free_ports(1)
    named(home, issuer.url, f", secret: provider, {ROLES}", f"listen: '127.0.0.1:{port}', ")
    async with served(issuer.network, port) as one:
        yield one
    await issuer.network.stop()


def named(home: Path, url: str, more: str, console: str = "") -> None:
    (home / "secrets").mkdir()
    (home / "secrets/provider").write_text(SECRET)
    (home / "secrets/provider").chmod(0o600)
    with (home / "node.yaml").open("a") as file:
        file.write(f"console: {{{console}provider: {{issuer: '{url}', client_id: {CLIENT}{more}}}}}\n")


async def came_back(browser: Browser, issuer: Issuer, *, more: str = "", state: str = "", code: str = "") -> int:
    """Somebody signs in at the provider and comes back; gives the console's answer."""
    await browser.get("/sign-in")
    status, asked = await browser.post("/provider/options", {})
    assert status == 200, asked
    right, given = issuer.code(asked["next"])
    status, _ = await browser.get(f"/provider?state={state or right}&code={code or given}{more}")
    return status


async def test_an_account_lets_its_person_in_and_only_a_passkey_decides(agency: Agency, issuer: Issuer) -> None:
    browser = agency.browser()
    _, page = await browser.get("/sign-in")
    assert "Sign in with your agency" in page
    before = browser.cookie
    assert await came_back(browser, issuer) == 303
    assert browser.cookie != before
    _, page = await browser.get("/")
    assert "anna, approver" in page
    assert "You have no passkey yet" in page
    job = await agency.job()
    asked = await browser.asked(job)
    body = {"ticket": asked["ticket"], "credential": browser.device.signed(asked["options"])}
    assert (await browser.post(f"/jobs/{job}/decide", body))[0] == 403
    assert agency.book.job(job).state.value == "AWAITING_APPROVAL"

    async def makes_passkey() -> int:
        status, asked = await browser.post("/passkey/options", {})
        if status != 200:
            return status
        body = {"ticket": asked["ticket"], "credential": browser.device.made(asked["options"])}
        status, answer = await browser.post("/enrol", body)
        assert answer == {"next": "/"}
        return status

    assert (await browser.get("/passkey"))[0] == 200
    assert await makes_passkey() == 200
    assert await makes_passkey() == 403  # a further one takes a link
    assert (await browser.say(job))[0] == 200
    assert agency.book.job(job).state.value == "APPROVED"
    # The passkey doesn't sign in: who is gone at the provider is gone here.
    assert await browser.sign_in() == 403
    (added,) = [one for one in operator.audit_records(agency.home) if one["event"] == "person added"]
    assert added["facts"] == {"person": "anna", "role": "approver", "known_as": "person 1", "account": "4711"}


FORGED: dict[str, Any] = {
    "no signature": lambda one: one.header.update(alg="none"),
    "its public key as secret": lambda one: one.header.update(alg="HS256"),
    "another key of that name": lambda one: setattr(one, "key", RSAKey.generate_key(2048, {"kid": "first"})),
    "a key that nobody knows": lambda one: one.header.update(kid="second"),
    "no token": lambda one: setattr(one, "raw", "x.y.z"),
    "another issuer": lambda one: one.says.update(iss="https://login.example"),
    "another audience": lambda one: one.says.update(aud="payroll"),
    "audiences besides": lambda one: one.says.update(aud=[CLIENT, "payroll"]),
    "another client": lambda one: one.says.update(azp="payroll"),
    "another question": lambda one: one.says.update(nonce="x" * 43),
    "no question": lambda one: one.says.update(nonce=None),
    "it has ended": lambda one: one.says.update(exp=int(one.now()) - 120),
    "no end": lambda one: one.says.update(exp=None),
    "not yet": lambda one: one.says.update(iat=int(one.now()) + 120),
    "long ago": lambda one: one.says.update(iat=int(one.now()) - 3600),
    "nobody": lambda one: one.says.update(sub=None),
    "nobody's number": lambda one: one.says.update(sub=4711),
    "a long name": lambda one: one.says.update(sub="x" * 256),
}


async def test_forged_words_of_the_provider_let_nobody_in(agency: Agency, issuer: Issuer) -> None:
    before, plain = agency.events(), vars(issuer) | {"header": dict(issuer.header), "says": {}}
    for what, forge in FORGED.items():
        vars(issuer).update(plain | {"header": dict(plain["header"]), "says": {}})
        browser = agency.browser()
        forge(issuer)
        assert await came_back(browser, issuer) == 403, what
        assert (await browser.get("/"))[0] == 303, what
    assert agency.events() == before
    vars(issuer).update(plain | {"header": dict(plain["header"]), "says": {}})
    assert await came_back(agency.browser(), issuer) == 303


async def test_an_answer_counts_once_for_the_browser_that_asked_and_from_the_issuer(
    agency: Agency, issuer: Issuer
) -> None:
    anna, eve = agency.browser(), agency.browser()
    await eve.get("/sign-in")
    _, asked = await anna.post("/provider/options", {}) if await anna.get("/sign-in") else (0, {})
    state, code = issuer.code(asked["next"])
    # Another browser with her answer: signs nobody in, and the answer is used up.
    assert (await eve.get(f"/provider?state={state}&code={code}"))[0] == 403
    assert (await anna.get(f"/provider?state={state}&code={code}"))[0] == 403
    assert await came_back(anna, issuer, more="&iss=https://login.example") == 403
    assert await came_back(anna, issuer, state="x" * 22) == 403
    assert await came_back(anna, issuer, code="made-up") == 403
    assert await came_back(anna, issuer, more="&error=access_denied") == 403
    # In time, and not twice.
    _, asked = await anna.post("/provider/options", {})
    state, code = issuer.code(asked["next"])
    agency.network.clock.offset_s += 301
    assert (await anna.get(f"/provider?state={state}&code={code}"))[0] == 403
    _, asked = await anna.post("/provider/options", {})
    state, code = issuer.code(asked["next"])
    assert (await anna.get(f"/provider?state={state}&code={code}&iss={issuer.url}"))[0] == 303
    assert (await anna.get(f"/provider?state={state}&code={code}"))[0] == 403
    assert agency.events().count("signed in") == 1


async def test_who_an_account_is_here(agency: Agency, issuer: Issuer) -> None:
    """By its claims, or as it was added; never by a name alone, and no more once its person was removed."""
    browser, home = agency.browser(), agency.home
    for nothing in ({"groups": ["visitors"]}, {"groups": None}, {"groups": {"mpc-approvers": 1}}):
        issuer.says = nothing
        assert await came_back(browser, issuer) == 403
    issuer.says = {"preferred_username": "../anna"}
    assert await came_back(browser, issuer) == 403
    await asyncio.to_thread(enrolment.add, home, "bert", "operator")
    agency.network.clock.offset_s += access.TURNED_AWAY_S
    issuer.says = {"preferred_username": "bert"}  # takes over nobody's name
    assert await came_back(browser, issuer) == 403
    (*_, last) = operator.audit_records(home)
    assert (last["event"], last["facts"]) == ("not let in", {"account": "4711", "role": "approver"})
    issuer.says = {}
    assert await came_back(browser, issuer) == 303
    issuer.says = {"groups": ["staff"], "preferred_username": "bert"}  # the account stays anna's, with another role
    assert await came_back(browser, issuer) == 303
    assert "anna, viewer" in (await browser.get("/"))[1]
    issuer.says = {"groups": []}
    assert await came_back(browser, issuer) == 403
    await asyncio.to_thread(enrolment.remove, home, "anna")
    issuer.says = {}
    assert await came_back(browser, issuer) == 403

    with pytest.raises(LocalError, match="is taken"):
        await asyncio.to_thread(enrolment.add, home, "bert", "viewer", "", "0815")
    where = await asyncio.to_thread(enrolment.add, home, "carla", "policy-editor", "", "0815")
    assert where.endswith("/sign-in")
    issuer.says = {"sub": "0815", "groups": ["mpc-approvers"]}  # the role is the one that she was added with
    assert await came_back(browser, issuer) == 303
    assert "carla, policy editor" in (await browser.get("/people"))[1]
    with pytest.raises(LocalError, match="it is carla's"):
        await asyncio.to_thread(enrolment.add, home, "dora", "viewer", "", "0815")
    await asyncio.to_thread(enrolment.add, home, "anna", "viewer", "", "4711")  # removed before, and now let in again
    issuer.says = {}
    assert await came_back(browser, issuer) == 303
    assert "anna, viewer" in (await browser.get("/"))[1]


async def test_who_was_removed_comes_back_by_an_operator_only(agency: Agency, issuer: Issuer) -> None:
    """Also somebody who came by a link, and whose account nobody has seen before."""
    browser, home = agency.browser(), agency.home
    for _ in range(2):
        await agency.person("anna")
        await asyncio.to_thread(enrolment.remove, home, "anna")
        assert await came_back(browser, issuer) == 403
    await asyncio.to_thread(enrolment.add, home, "anna", "viewer", "", "4711")
    assert await came_back(browser, issuer) == 303


async def test_an_account_without_its_claim_ends_what_an_open_session_may_decide(
    agency: Agency, issuer: Issuer
) -> None:
    browser = agency.browser()
    issuer.says = {"groups": []}
    assert await came_back(agency.browser(), issuer) == 403
    issuer.says = {}
    assert await came_back(browser, issuer) == 303
    issuer.says = {"groups": []}
    assert await came_back(agency.browser(), issuer) == 403  # within the hour of the first: this one stands, too
    assert "anna, viewer" in (await browser.get("/"))[1]
    issuer.says = {}
    assert await came_back(browser, issuer) == 303
    assert "anna, approver" in (await browser.get("/"))[1]


async def test_an_account_that_isnt_let_in_is_on_record_once_an_hour(agency: Agency, issuer: Issuer) -> None:
    for subject, count in (("0815", 1), ("0815", 1), ("0816", 2), ("0815", 2)):
        issuer.says = {"sub": subject, "groups": []}
        assert await came_back(agency.browser(), issuer) == 403
        assert agency.events().count("not let in") == count
    agency.network.clock.offset_s += access.TURNED_AWAY_S
    assert await came_back(agency.browser(), issuer) == 403
    assert agency.events().count("not let in") == 3


async def test_new_keys_are_looked_for_and_a_broken_provider_is_said_so(
    agency: Agency, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = agency.browser()
    assert await came_back(browser, issuer) == 303
    new = RSAKey.generate_key(2048, {"kid": "second"})
    issuer.published.append(new)
    issuer.key, issuer.header = new, {"alg": "RS256", "kid": "second"}
    assert await came_back(browser, issuer) == 403  # not asked for at each token that names some key
    assert issuer.calls == 1
    monkeypatch.setattr(provider, "AGAIN_S", 0.0)
    assert await came_back(browser, issuer) == 303
    monkeypatch.setattr(provider, "KNOWN_S", 0.0)
    await browser.get("/sign-in")
    for about in ({"issuer": "https://x.example"}, {"token_endpoint": "http://login.example/token"}, {"jwks_uri": 7}):
        issuer.about = about
        status, answer = await browser.post("/provider/options", {})
        assert (status, answer["code"]) == (503, "provider")
    await issuer.close()
    status, answer = await browser.post("/provider/options", {})
    assert (status, answer["code"]) == (503, "provider")
    assert "127.0.0.1" not in answer["error"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.example"}, {"issuer": "https://login.example?x"}, {"client_id": ""},
        {"role_claim": "groups"}, {"roles": {"a": "viewer"}}, {"roles": {"a": "owner"}, "role_claim": "g"},
        {"secret": "../keys/signing.key"},
    ],
)  # fmt: skip
def test_a_provider_is_named_as_a_whole(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        validate({"issuer": "https://login.example", "client_id": "mpcgov"} | wrong, ProviderConfig, "node.yaml")


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_an_issuer_elsewhere_cant_have_this_machines_own_services_asked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, asked = "https://login.example", []
    config = ConsoleConfig(provider=ProviderConfig(issuer=issuer, client_id=CLIENT))
    assert config.provider is not None
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    about = {"issuer": issuer} | dict.fromkeys(names, issuer) | {name: "HTTP://127.0.0.1:8500/v1/keys"}

    async def answered(self: Provider, address: str, form: Any) -> tuple[int, bytes]:
        asked.append(address)
        return 200, json.dumps(about).encode()

    monkeypatch.setattr(Provider, "_asked_for", answered)
    one = Provider(tmp_path, config, config.provider, RealClock())
    with pytest.raises(PeerError):
        one.address("state", Provider.asked())
    assert asked == [issuer + provider.DISCOVERY]


async def test_a_person_signs_in_at_a_real_provider_in_a_browser(tmp_path: Path) -> None:
    """Another site than the console, as providers are: what comes from there comes without the console's cookie."""
    if find_spec("oidc_provider_mock") is None:
        pytest.skip("no OpenID provider here")
    network, (port, at) = Network(tmp_path), free_ports(2)
    url, home = f"http://127.0.0.1:{port}", network.home("labour")
    named(home, url, f", secret: provider, {ROLES}", f"listen: '127.0.0.1:{at}', ")
    claims = '{"sub": "4711", "preferred_username": "anna", "groups": ["mpc-approvers"]}'
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "--user-claims", claims,
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    await network.start("labour")
    try:
        async with chromium() as browser:
            for language in ("en", "de"):
                await _signs_in(browser, language, f"http://localhost:{at}", home)
    finally:
        process.terminate()
        await process.wait()
        await network.stop()


async def _signs_in(browser: Any, language: str, origin: str, home: Path) -> None:
    page = await desk(browser, language)
    await page.goto(f"{origin}/sign-in", wait_until="load") if language == "de" else await arrived(page, origin)
    await kept(page, f"sign-in-provider-{language}")
    await axe(page, "/sign-in")
    await page.locator("form[data-provider] button").click()
    await page.get_by_role("button", name="4711").first.click()
    await page.wait_for_url(f"{origin}/")
    assert "anna" in await page.locator(".who").inner_text()
    if language == "en":
        await axe(page, "/")
        await page.get_by_role("link", name="Make your passkey").click()
        await kept(page, "passkey-own-en")
        await axe(page, "/passkey")
        await page.locator("main button").click()
        await page.wait_for_url(f"{origin}/")
    assert await page.locator("a[href='/passkey']").count() == 0
    await visit(page, f"{origin}/people")
    await kept(page, f"people-provider-{language}")
    await axe(page, "/people")
    events = [one["event"] for one in operator.audit_records(home)]
    assert events.count("passkey added") == 1


async def arrived(page: Any, origin: str) -> None:
    """On the sign-in page, once the node has started its console."""
    for _ in range(600):
        try:
            await visit(page, f"{origin}/sign-in")
        except Exception:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("the console never began")
