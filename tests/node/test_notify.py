"""Nobody polls: a real web server and a real mail server hear of a job, each thing once, and nothing confidential."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email
import hashlib
import hmac
import json
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from email import policy
from pathlib import Path

import pytest
import sqlalchemy as sql
from aiohttp import web
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mpcgov import keys
from mpcgov.cli.main import run
from mpcgov.errors import LocalError, PeerError, SpecError
from mpcgov.node import home as homes
from mpcgov.node import operator
from mpcgov.node.notify import channels, notifier, queue
from mpcgov.node.notify.config import Email, Notify, Webhook, secret
from mpcgov.node.notify.letters import Letter, Sender, letter
from mpcgov.node.notify.queue import EVENTS, NOTICES
from mpcgov.node.store import Store
from mpcgov.spec.load import validate
from tests.node.network import PARTIES, Network, when
from tests.ports import free_ports

SECRET = b"0123456789abcdef"
PURPOSE = "A purpose that is nobody's business"


class Hook:
    """A web server that takes notices, or answers something else."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.got: list[dict[str, object]] = []
        self.status = 200
        self.calls = 0
        self._runner: web.AppRunner | None = None

    async def open(self, context: ssl.SSLContext | None = None) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context, reuse_address=True).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp, told = (part.partition("=")[2] for part in request.headers[channels.SIGNATURE].split(","))
        right = hmac.new(SECRET, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(told, right)
        assert abs(time.time() - int(stamp)) < 60
        self.calls += 1
        if self.status == 200:
            self.got.append(json.loads(body))
        return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:1/elsewhere"})


class Post:
    """A mail server."""

    def __init__(self) -> None:
        self.got: list[email.message.EmailMessage] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
        self.got.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook(free_ports(1)[0])
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def post() -> AsyncIterator[tuple[Post, int]]:
    handler, (port,) = Post(), free_ports(1)
    server = Controller(handler, hostname="127.0.0.1", port=port)
    await asyncio.to_thread(server.start)
    yield handler, port
    await asyncio.to_thread(server.stop)


def configure(home: Path, text: str) -> None:
    (home / "secrets").mkdir(exist_ok=True)
    (home / "secrets/hook").write_bytes(SECRET + b"\n")
    (home / "secrets/hook").chmod(0o600)
    with (home / "node.yaml").open("a") as file:
        file.write(f"notify: {text}\n")


def webhook(hook: Hook, more: str = "") -> str:
    return f"{{webhook: {{url: 'http://127.0.0.1:{hook.port}/hook', secret: hook}}{more}}}"


async def test_people_and_systems_hear_of_a_job_once_each_and_nothing_else(
    network: Network, hook: Hook, post: tuple[Post, int]
) -> None:
    mailbox, port = post
    mail = f", language: de, email: {{server: '127.0.0.1:{port}', tls: none, sender: mpc@a.gov, to: [b@a.gov]}}"
    configure(network.home("labour"), webhook(hook, mail))
    await network.start()
    job = (await network.submit(network.proposal(purpose=PURPOSE)))["labour"]["job"]
    await when(lambda: len(hook.got) == 1 and len(mailbox.got) == 1, "nobody heard that a job waits")
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "RELEASED")
    await when(lambda: len(hook.got) == 3 and len(mailbox.got) == 3, "nobody heard of the end")
    assert [(one["event"], one["job"]) for one in hook.got] == [
        ("waiting", job), ("decided", job), ("released", job)
    ]  # fmt: skip
    assert set(hook.got[0]) == {"id", "event", "party", "job", "state", "approve_before", "at"}
    subjects = [message["Subject"] for message in mailbox.got]
    assert subjects[:2] == [
        "labour: Ein Auftrag wartet auf Ihre Entscheidung", "labour: Ein Auftrag ist genehmigt"
    ]  # fmt: skip
    text = mailbox.got[0].get_content()
    assert job in text
    assert "hq" in text
    everything = json.dumps(hook.got) + "".join(message.as_string() for message in mailbox.got)
    for word in ("nobody's business", "region", "people", "joint-count", "Statistics Act"):
        assert word not in everything
    await network.stop("labour")
    await network.start("labour")
    assert (len(hook.got), len(mailbox.got)) == (3, 3)


async def test_what_isnt_taken_survives_a_restart_and_holds_no_job_up(
    network: Network, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "FIRST_RETRY_S", 0.0)
    configure(network.home("labour"), webhook(hook))
    hook.status = 302  # and where it points isn't asked
    await network.start()
    job = (await network.submit(network.proposal()))["labour"]["job"]
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "RELEASED")
    await when(lambda: hook.calls > 1, "the webhook wasn't tried again")
    await network.stop("labour")
    assert hook.got == []
    hook.status = 200
    await network.start("labour")
    await when(lambda: len(hook.got) == 3, "what waited was forgotten")
    assert len({one["id"] for one in hook.got}) == 3


def test_there_is_room_for_so_many_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "ROOM", 3)
    homes.init(tmp_path, "tax", "127.0.0.1:7101")
    with operator.opened(tmp_path) as (_, book, _), book._store.write() as tx:
        assert queue.gather(tx, ["email"], ["waiting"], 0.0) == 0
        for number in range(5):
            queue.add(tx, ["email"], "waiting", {"job": str(number)}, 0.0)
        assert queue._keep_room(tx) == 2
        assert [one.facts["job"] for one in queue.due(tx, "email", 0.0)] == ["2", "3", "4"]
        first = queue.due(tx, "email", 0.0)[0]
        assert queue.put_off(tx, first, 10.0)
        assert first.number not in [one.number for one in queue.due(tx, "email", 11.0)]
        assert not queue.put_off(tx, first, queue.GIVE_UP_S + 1)
        assert tx.execute(sql.select(sql.func.count()).select_from(NOTICES)).scalar_one() == 2


async def test_low_budgets_and_ends_of_certificates_are_told_once(
    network: Network, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(network.home("labour"), webhook(hook))
    monkeypatch.setattr(keys, "certificate_end", lambda pem, end=keys.certificate_end: end(pem).replace(year=2000))
    node = network.loaded("labour")
    store = Store(node.state_path)
    try:
        for _ in range(2):
            found = notifier.Notifier(node, store, network.clock)
            found._gather(node.config.notify)
        with store.read() as tx:
            told = [(one.event, one.facts["member"]) for one in queue.due(tx, "webhook", time.time() + 9)]
        assert sorted(told) == [("certificate", name) for name in sorted((*PARTIES, "hq"))]
        spent = type("Line", (), {"dataset": "people", "unit": "person", "measure": "rho", "total": 1, "spent": 0.8})
        monkeypatch.setattr(notifier, "balances_of", lambda tx, name: [spent])
        for _ in range(2):
            notifier.Notifier(node, store, network.clock)._gather(node.config.notify)
        with store.read() as tx:
            assert [one.event for one in queue.due(tx, "webhook", time.time() + 9)].count("budget") == 1
    finally:
        store.close()


async def test_a_webhook_with_tls_is_told_only_if_its_certificate_is_its_own(tmp_path: Path) -> None:
    mine, other = (keys.create(tmp_path / name, "party", name, "localhost:1") for name in ("mine", "other"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(mine.certificate_path, mine.tls_key_path)
    hook = Hook(free_ports(1)[0])
    await hook.open(context)
    configure(tmp_path, "{}")
    try:
        wanted = Webhook(url=f"https://localhost:{hook.port}/hook", secret="hook", ca=str(other.certificate_path))
        with pytest.raises(LocalError.__base__, match="can't be reached"):
            await channels.post(tmp_path, wanted, b"{}")
        assert hook.calls == 0
    finally:
        await hook.close()


def authority(folder: Path) -> ssl.SSLContext:
    """A server of the name localhost, under a CA of its own, whose certificate is `ca.pem`."""
    now, keyed = dt.datetime.now(dt.UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("an agency's own CA", "localhost")]
    made = []
    for of_ca, name, key in zip((True, False), names, keyed, strict=True):
        build = (
            x509.CertificateBuilder(names[0], name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=of_ca, path_length=None), critical=True)
        )
        if not of_ca:
            build = build.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        made.append(build.sign(keyed[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(made[0])
    (folder / "server.pem").write_bytes(made[1] + keyed[1].private_bytes(serialization.Encoding.PEM, *form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def test_a_webhook_under_an_agencys_own_ca_is_told_by_the_name_in_its_certificate(tmp_path: Path) -> None:
    hook = Hook(free_ports(1)[0])
    await hook.open(authority(tmp_path))
    configure(tmp_path, "{}")
    try:
        url = f"https://localhost:{hook.port}/hook"
        await channels.post(tmp_path, Webhook(url=url, secret="hook", ca="ca.pem"), b'{"event": "test"}')
        assert hook.got == [{"event": "test"}]
        for wanted in (
            Webhook(url=url.replace("localhost", "127.0.0.1"), secret="hook", ca="ca.pem"),
            Webhook(url=url, secret="hook"),
        ):
            with pytest.raises(PeerError, match="can't be reached"):
                await channels.post(tmp_path, wanted, b"{}")
        assert hook.calls == 1
    finally:
        await hook.close()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail_server_under_an_agencys_own_ca_is_told(tls: str, tmp_path: Path) -> None:
    context, handler, (port,) = authority(tmp_path), Post(), free_ports(1)
    options = {"ssl_context": context} if tls == "tls" else {"tls_context": context, "require_starttls": True}
    server = Controller(handler, hostname="localhost", port=port, **options)
    await asyncio.to_thread(server.start)
    try:
        form = {"server": f"localhost:{port}", "tls": tls, "sender": "mpc@a.gov", "to": ["b@a.gov"]}
        wanted, written = validate(form | {"ca": "ca.pem"}, Email, "email"), Letter("a subject", "a text")
        await channels.mail(tmp_path, wanted, written, 1, "tax")
        assert [message["Subject"] for message in handler.got] == ["a subject"]
        with pytest.raises(PeerError, match="mail: can't be reached"):
            await channels.mail(tmp_path, validate(form, Email, "email"), written, 1, "tax")
        assert len(handler.got) == 1
    finally:
        await asyncio.to_thread(server.stop)


def hanging(listening: socket.socket) -> Email:
    """A mail server that takes a connection and never says a word."""
    form = {"server": f"127.0.0.1:{listening.getsockname()[1]}", "tls": "none", "sender": "a@b.gov", "to": ["b@b.gov"]}
    return validate(form, Email, "email")


def test_a_mail_server_that_hangs_holds_up_no_node_that_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def send(*_: object, real: Callable[..., None] = channels._send) -> None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            real(*_)
        over.set()

    async def stopped() -> socket.socket:
        wanted = hanging(listening)
        telling = asyncio.create_task(channels.mail(tmp_path, wanted, Letter("a subject", "a text"), 1, "tax"))
        connection, _ = await asyncio.to_thread(listening.accept)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        return connection

    monkeypatch.setattr(channels, "_send", send)
    with listening, asyncio.run(stopped()):
        assert not over.is_set()
    over.wait()


async def test_a_mail_is_given_so_long_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MAIL_S", 0.05)
    monkeypatch.setattr(channels, "TIMEOUT_S", 3600.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(PeerError, match=r"mail: can't be reached \(TimeoutError\)"),
    ):
        await channels.mail(tmp_path, hanging(listening), Letter("a subject", "a text"), 1, "tax")


@pytest.mark.parametrize(
    "text",
    ["{}", "{webhook: {url: 'http://alerts.example/x', secret: hook}}",
     "{webhook: {url: 'https://me:pw@alerts.example/x', secret: hook}}",
     "{webhook: {url: 'https://alerts.example/x', secret: ../keys/signing.key}}",
     "{email: {server: 'mail.example.gov:25', tls: none, sender: a@b.gov, to: [b@b.gov]}}",
     "{email: {server: 'mail.example.gov:25', sender: a@b.gov, to: ['b@b.gov\\nBcc: c@d.e']}}",
     "{email: {server: 'mail.example.gov:25', sender: a@b.gov, to: [b@b.gov], user: a}}"],
)  # fmt: skip
def test_what_would_tell_in_the_open_or_by_trickery_is_refused(tmp_path: Path, text: str) -> None:
    homes.init(tmp_path, "tax", "127.0.0.1:7101")
    configure(tmp_path, text)
    with pytest.raises(SpecError, match=r"node\.yaml"):
        homes.load(tmp_path)


def test_secrets_are_one_line_that_only_their_owner_reads(tmp_path: Path) -> None:
    configure(tmp_path, "{}")
    assert secret(tmp_path, "hook") == SECRET
    (tmp_path / "secrets/hook").chmod(0o640)
    with pytest.raises(LocalError, match="readable by others"):
        secret(tmp_path, "hook")
    with pytest.raises(LocalError, match="can't be read"):
        secret(tmp_path, "none")


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_event_has_words(language: str) -> None:
    facts = {"job": "abcd-abcd-abcd", "state": "DENIED", "approve_before": 0, "at": 0.0, "percent": 80,
             "member": "tax", "until": "2030-01-01", "days": 3}  # fmt: skip
    for event in {*EVENTS.values(), "budget", "certificate", "test"}:
        written = letter(Sender("tax", "hq", language), event, facts | {"approve_before": 10})
        assert written.subject.startswith("tax: ")
        assert "\n" not in written.subject
        assert "{{" not in written.text


async def test_the_test_command_says_what_each_channel_answers(
    network: Network, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    home = network.home("labour")
    configure(home, webhook(hook, ", email: {server: '127.0.0.1:1', tls: none, sender: a@b.gov, to: [b@b.gov]}"))
    assert await asyncio.to_thread(run, ["node", "notify", "test", "--home", str(home)]) == 4
    said = capsys.readouterr().err
    assert "webhook: taken" in said
    assert "email: mail: can't be reached (ConnectionRefusedError)" in said
    assert [one["event"] for one in hook.got] == ["test"]
    with pytest.raises(SpecError):
        validate({"events": ["gossip"]}, Notify, "notify")


async def test_a_node_that_stops_waits_for_what_a_thread_does_with_its_database(
    network: Network, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(network.home("labour"), webhook(hook))
    node = network.loaded("labour")
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly(*_: object) -> None:
        began.set()
        may_end.wait()
        ended.set()

    monkeypatch.setattr(notifier.Notifier, "_gather", slowly)
    store = Store(node.state_path)
    found = notifier.Notifier(node, store, network.clock)
    found.start()
    await asyncio.to_thread(began.wait)
    stopping = asyncio.create_task(found.stop())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not stopping.done()
    may_end.set()
    await stopping
    assert ended.is_set()
    store.close()
