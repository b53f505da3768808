"""Hostile addresses lead nowhere: no connection is opened but to a checked or an allowed address.

The socket layer is replaced by one that records every connection. What a name resolves to is the
test's to say; what the code connects to is what counts.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nexus.integrations import http_out
from nexus.integrations.http_out import HttpOut
from nexus.integrations.targets import TargetRefused, check_addresses, read_target, refused
from nexus.settings import Settings, webhook_hosts

PUBLIC = "93.184.216.34"

HOSTILE_URLS = {
    # Schemes and shapes
    "http://hooks.partner.cn/": "NOT_HTTPS",
    "ftp://hooks.partner.cn/": "MALFORMED",
    "file:///etc/passwd": "MALFORMED",
    "gopher://hooks.partner.cn/": "MALFORMED",
    "dict://hooks.partner.cn:11211/": "MALFORMED",
    "//hooks.partner.cn/": "MALFORMED",
    "https:hooks.partner.cn": "MALFORMED",
    "https:/hooks.partner.cn": "MALFORMED",
    "HTTPS://hooks.partner.cn/": "MALFORMED",
    "https://": "MALFORMED",
    "https:///path": "MALFORMED",
    "": "MALFORMED",
    "https://hooks.partner.cn/\r\nHost: inside": "MALFORMED",
    "https://hooks.partner.cn/ x": "MALFORMED",
    "https://hooks.partner.cn/\t": "MALFORMED",
    " https://hooks.partner.cn/": "MALFORMED",
    "https://hooks.partner.cn/#fragment": "MALFORMED",
    "https://hooks.partner.cn\\@127.0.0.1/": "MALFORMED",
    "https://hooks.partner.cn/" + "a" * 2000: "MALFORMED",
    # Users in front of the host
    "https://user@hooks.partner.cn/": "MALFORMED",
    "https://user:pass@127.0.0.1/": "MALFORMED",
    "https://hooks.partner.cn@127.0.0.1/": "MALFORMED",
    "https://hooks.partner.cn%40127.0.0.1/": "MALFORMED",
    "https://127.0.0.1:80%2f@hooks.partner.cn/": "MALFORMED",
    # Ports
    "https://hooks.partner.cn:22/": "PORT",
    "https://hooks.partner.cn:25/": "PORT",
    "https://hooks.partner.cn:80/": "PORT",
    "https://hooks.partner.cn:0/": "PORT",
    "https://hooks.partner.cn:1024/": "PORT",
    "https://hooks.partner.cn:65536/": "PORT",
    "https://hooks.partner.cn:99999/": "PORT",
    "https://hooks.partner.cn:443443/": "MALFORMED",
    "https://hooks.partner.cn:-1/": "MALFORMED",
    "https://hooks.partner.cn:/": "MALFORMED",
    # IPv4 in its many forms
    "https://127.0.0.1/": "IP_ADDRESS",
    "https://127.1/": "IP_ADDRESS",
    "https://127.0.1/": "IP_ADDRESS",
    "https://2130706433/": "IP_ADDRESS",
    "https://0x7f000001/": "IP_ADDRESS",
    "https://0x7f.1/": "IP_ADDRESS",
    "https://0x7f.0x0.0x0.0x1/": "IP_ADDRESS",
    "https://0X7F.0.0.1/": "IP_ADDRESS",
    "https://017700000001/": "IP_ADDRESS",
    "https://0177.0.0.1/": "IP_ADDRESS",
    "https://0/": "IP_ADDRESS",
    "https://0x/": "IP_ADDRESS",
    "https://127.0.0.1./": "IP_ADDRESS",
    "https://10.0.0.1/": "IP_ADDRESS",
    "https://169.254.169.254/latest/meta-data/": "IP_ADDRESS",
    "https://93.184.216.34/": "IP_ADDRESS",
    "https://hooks.partner.1/": "IP_ADDRESS",
    # IPv6 literals
    "https://[::1]/": "MALFORMED",
    "https://[::ffff:127.0.0.1]/": "MALFORMED",
    "https://[fe80::1%25eth0]/": "MALFORMED",
    "https://[64:ff9b::7f00:1]/": "MALFORMED",
    "https://[::]/": "MALFORMED",
    # Names that are no public ones
    "https://localhost/": "NOT_PUBLIC",
    "https://localhost./": "HOST",
    "https://LOCALHOST/": "NOT_PUBLIC",
    "https://a.localhost/": "NOT_PUBLIC",
    "https://metadata/": "NOT_PUBLIC",
    "https://kubernetes.default.svc.cluster.local/": "NOT_PUBLIC",
    "https://metadata.google.internal/": "NOT_PUBLIC",
    "https://router.lan/": "NOT_PUBLIC",
    "https://printer.home.arpa/": "NOT_PUBLIC",
    "https://hidden.onion/": "NOT_PUBLIC",
    "https://hooks.test/": "NOT_PUBLIC",
    # Names that are none
    "https://hooks.partner.cn./": "HOST",
    "https://.partner.cn/": "HOST",
    "https://hooks..partner.cn/": "HOST",
    "https://-hooks.partner.cn/": "HOST",
    "https://hooks-.partner.cn/": "HOST",
    "https://hooks_inside.partner.cn/": "MALFORMED",
    "https://" + "a" * 64 + ".cn/": "HOST",
    "https://" + "a." * 130 + "cn/": "HOST",
    # Other letters: only the xn-- form is taken
    "https://hooks.例子.中国/": "MALFORMED",
    "https://hooks。partner。cn/": "MALFORMED",
    "https://ⓛocalhost/": "MALFORMED",
    "https://１２７.0.0.1/": "MALFORMED",
    "https://127。0。0。1/": "MALFORMED",
    "https://lo\u00adcalhost/": "MALFORMED",
    "https://hooks.partner.cn\u2044@inside/": "MALFORMED",
    "https://hooks%2epartner.cn/": "MALFORMED",
    "https://hooks.partner.cn%00.inside/": "MALFORMED",
}

HOSTILE_ADDRESSES = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200"),
    *("127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.23", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.192"),
    *("192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1"),
    *("192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::5db8:d822", "64:ff9b:1::a00:1", "100::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:5db8:d822::1", "2620:4f:8000::1", "3fff::1"),
    *("4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1"),
    *("ff02::1", "2400:cb00::5efe:7f00:1", "2400:cb00::200:5efe:a00:1"),
)
GOOD_ADDRESSES = ("93.184.216.34", "1.1.1.1", "202.96.128.86", "2400:3200::1", "2606:4700::1111")


class Recorded:
    """A network that records where connections go and opens none."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.connected: list[str] = []

    def getaddrinfo(self, host: str | bytes, port: Any, *given: Any, **more: Any) -> list[Any]:
        """The next answer for a name; the last one repeats."""
        name = str(host, "ascii") if isinstance(host, bytes) else host
        self.asked.append(name)
        answers = self.answers.get(name)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port),
            )
            for one in found
        ]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded({})

    async def connect(loop: Any, sock: Any, address: Any) -> None:
        recorded.connected.append(str(address[0]))
        raise ConnectionRefusedError

    async def create(
        loop: Any, factory: Any, host: Any = None, port: Any = None, **more: Any
    ) -> Any:
        recorded.connected.append(str(host))
        raise ConnectionRefusedError

    def plain(sock: Any, address: Any) -> None:
        recorded.connected.append(str(address))
        raise ConnectionRefusedError

    loop_class = type(asyncio.get_event_loop_policy().new_event_loop())
    for kind in {loop_class, asyncio.SelectorEventLoop, asyncio.base_events.BaseEventLoop}:
        if hasattr(kind, "sock_connect"):
            monkeypatch.setattr(kind, "sock_connect", connect)
        monkeypatch.setattr(kind, "create_connection", create)
    monkeypatch.setattr(socket.socket, "connect", plain)
    monkeypatch.setattr(socket, "getaddrinfo", recorded.getaddrinfo)
    return recorded


@asynccontextmanager
async def sending(**given: Any) -> AsyncIterator[HttpOut]:
    out = HttpOut(**given)
    try:
        yield out
    finally:
        await out.close()


# Addresses as text ----------------------------------------------------------------------------


@pytest.mark.parametrize(("url", "cause"), HOSTILE_URLS.items())
async def test_a_hostile_url_opens_no_connection(network: Recorded, url: str, cause: str) -> None:
    network.answers = {name: [[PUBLIC]] for name in ("hooks.partner.cn", "127.0.0.1", "inside")}
    with pytest.raises(TargetRefused) as refusal:
        read_target(url)
    assert refusal.value.cause == cause
    async with sending() as out:
        answer = await out.post(url, b"{}", {})
    assert (answer.status, answer.error) == (None, f"TARGET_{cause}")
    assert (network.asked, network.connected) == ([], [])


def test_there_are_sixty_of_them() -> None:
    assert len(HOSTILE_URLS) >= 60
    assert len(HOSTILE_ADDRESSES) >= 55


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "shown"),
    [
        ("https://hooks.partner.cn", "hooks.partner.cn", 443, "/", "https://hooks.partner.cn/"),
        (
            "https://Hooks.Partner.CN:8443/a/b?c=d&e=%20",
            *("hooks.partner.cn", 8443, "/a/b?c=d&e=%20"),
            "https://hooks.partner.cn:8443/a/b?c=d&e=%20",
        ),
        (
            "https://xn--fsqu00a.xn--fiqs8s/hook",
            *("xn--fsqu00a.xn--fiqs8s", 443, "/hook"),
            "https://xn--fsqu00a.xn--fiqs8s/hook",
        ),
        ("https://a.b.c.cn:443/", "a.b.c.cn", 443, "/", "https://a.b.c.cn/"),
    ],
)
def test_a_public_server_is_taken(url: str, host: str, port: int, path: str, shown: str) -> None:
    target = read_target(url)
    assert (target.host, target.port, target.path, target.url) == (host, port, path, shown)
    assert target.trusted is False


# Addresses as numbers -------------------------------------------------------------------------


@pytest.mark.parametrize("address", HOSTILE_ADDRESSES)
async def test_a_name_that_leads_inside_opens_no_connection(
    network: Recorded, address: str
) -> None:
    assert refused(ip_address(address))
    for answer in ([address], [PUBLIC, address], [address, PUBLIC]):
        network.answers = {"hooks.partner.cn": [answer]}
        async with sending() as out:
            sent = await out.post("https://hooks.partner.cn/", b"{}", {})
        assert sent.error == "TARGET_ADDRESS"
    assert network.connected == []


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
async def test_a_public_address_is_what_is_connected_to(network: Recorded, address: str) -> None:
    network.answers = {"hooks.partner.cn": [[address]]}
    async with sending() as out:
        sent = await out.post("https://hooks.partner.cn/", b"{}", {})
    assert (sent.status, sent.error) == (None, "CONNECT")
    assert set(network.connected) == {address}
    assert network.asked.count("hooks.partner.cn") == 1


async def test_a_name_that_changes_its_mind_is_asked_once(network: Recorded) -> None:
    """DNS rebinding: the second answer, which leads inside, is never asked for."""
    network.answers = {"hooks.partner.cn": [[PUBLIC], ["127.0.0.1"]]}
    async with sending() as out:
        await out.post("https://hooks.partner.cn/", b"{}", {})
        assert set(network.connected) == {PUBLIC}
        again = await out.post("https://hooks.partner.cn/", b"{}", {})
    assert again.error == "TARGET_ADDRESS"
    assert set(network.connected) == {PUBLIC}


async def test_an_unknown_name(network: Recorded) -> None:
    async with sending() as out:
        assert (await out.post("https://hooks.partner.cn/", b"{}", {})).error == "TARGET_UNRESOLVED"
    with pytest.raises(TargetRefused, match="UNRESOLVED"):
        check_addresses([])
    with pytest.raises(TargetRefused, match="ADDRESS"):
        check_addresses(["nonsense"])


async def test_two_addresses_at_most_are_tried(network: Recorded) -> None:
    network.answers = {"hooks.partner.cn": [["1.1.1.1", "1.0.0.1", "8.8.8.8"]]}
    async with sending() as out:
        await out.post("https://hooks.partner.cn/", b"{}", {})
    assert set(network.connected) == {"1.1.1.1", "1.0.0.1"}


async def test_the_environments_proxy_is_not_used(
    network: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    network.answers = {"hooks.partner.cn": [[PUBLIC]]}
    async with sending() as out:
        await out.post("https://hooks.partner.cn/", b"{}", {})
    assert set(network.connected) == {PUBLIC}


async def test_a_resolver_that_hangs_does_not_hold_up_the_post(
    network: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*given: Any, **more: Any) -> list[Any]:
        time.sleep(0.6)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    async with sending(connect_seconds=0.1) as out:
        started = time.perf_counter()
        sent = await out.post("https://hooks.partner.cn/", b"{}", {})
    assert sent.error == "CONNECT_TIMEOUT"
    assert time.perf_counter() - started < 0.5


# The allow-list -------------------------------------------------------------------------------


def test_loopback_is_for_development_only() -> None:
    hosts = webhook_hosts({"NEXUS_WEBHOOK_HOSTS": "127.0.0.1:9000, localhost:9001"})
    assert hosts == {("127.0.0.1", 9000), ("localhost", 9001)}
    given: dict[str, Any] = {"owner_url": "", "app_url": "", "vault_key": b""}
    assert Settings(**given, webhook_hosts=hosts).webhook_targets == frozenset()
    assert Settings(**given, webhook_hosts=hosts, development=True).webhook_targets == hosts
    assert webhook_hosts({}) == frozenset()
    for wrong in ("10.0.0.1:80", "127.0.0.1", "evil.cn:80", "127.0.0.1:x"):
        with pytest.raises(ValueError, match="NEXUS_WEBHOOK_HOSTS"):
            webhook_hosts({"NEXUS_WEBHOOK_HOSTS": wrong})


def test_the_allow_list_is_exact() -> None:
    allowed = frozenset({("127.0.0.1", 9000)})
    assert read_target("http://127.0.0.1:9000/x", allowed).trusted
    for url in ("http://127.0.0.1:9001/", "http://127.0.0.1/", "http://127.0.0.2:9000/"):
        with pytest.raises(TargetRefused):
            read_target(url, allowed)


# Receivers that misbehave ---------------------------------------------------------------------

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def receiver(handle: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback; its port."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    return head, await reader.readexactly(length)


async def post_to(port: int, **given: Any) -> http_out.Answer:
    allowed = frozenset({("127.0.0.1", port)})
    async with sending(allowed=allowed, **given) as out, asyncio.timeout(15):
        return await out.post(
            f"http://127.0.0.1:{port}/in?x=1", b'{"a":1}', {"webhook-id": "msg_1"}
        )


async def test_what_is_sent() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()

    async with receiver(handle) as port:
        answer = await post_to(port)
    assert (answer.status, answer.error, answer.accepted) == (202, None, True)
    ((head, body),) = seen
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /in?x=1 http/1.1"
    assert f"host: 127.0.0.1:{port}".encode() in lines
    assert b"content-type: application/json" in lines
    assert b"webhook-id: msg_1" in lines
    assert body == b'{"a":1}'


async def test_a_redirect_is_not_followed() -> None:
    inside: list[bytes] = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside.append(await reader.read(1))

    async with receiver(trap) as hidden:

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            writer.write(
                b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:%d/\r\n"
                b"content-length: 0\r\n\r\n" % hidden
            )
            await writer.drain()

        async with receiver(handle) as port:
            answer = await post_to(port)
    assert (answer.status, answer.accepted, inside) == (307, False, [])


async def test_a_receiver_that_never_answers_is_left_in_time() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await asyncio.sleep(30)

    async with receiver(handle) as port:
        started = time.perf_counter()
        answer = await post_to(port, total_seconds=0.3)
    assert (answer.status, answer.error) == (None, "TIMEOUT")
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("trickle", ["head", "body"])
async def test_a_receiver_that_answers_a_byte_at_a_time_is_left_in_time(trickle: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        if trickle == "body":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with receiver(handle) as port:
        started = time.perf_counter()
        answer = await post_to(port, total_seconds=0.4)
    assert answer.error == "TIMEOUT"
    assert time.perf_counter() - started < 2


async def test_a_huge_body_is_cut_off() -> None:
    sent = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(4000):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536

    async with receiver(handle) as port:
        answer = await post_to(port)
    assert answer.accepted
    assert sent < 32 * 2**20


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "BAD_ANSWER"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "BAD_ANSWER"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 300_000 + b"\r\n\r\n", "BAD_ANSWER"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: nope\r\n\r\n", "BAD_ANSWER"),
        (b"\x00" * 1000, "BAD_ANSWER"),
    ],
)
async def test_an_answer_that_is_none(answer: bytes, error: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        await writer.drain()

    async with receiver(handle) as port:
        told = await post_to(port, total_seconds=2)
    assert (told.status, told.error) == (None, error)


async def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await post_to(port)).error == "CONNECT"


async def test_connections_are_used_again() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request(reader)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()

    async with receiver(handle) as port:
        async with sending(allowed=frozenset({("127.0.0.1", port)})) as out:
            for _ in range(5):
                assert (await out.post(f"http://127.0.0.1:{port}/", b"{}", {})).status == 204
    assert connections == 1


# TLS ------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of the name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [("hooks.partner.cn", 204, None), ("other.partner.cn", None, "TLS")],
)
async def test_tls_speaks_to_the_name_at_the_checked_address(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    status: int | None,
    error: str | None,
) -> None:
    """The certificate must be the name's, though the connection goes to an address."""
    server, client = certificate(tmp_path, name)
    greeted: list[str | None] = []
    heads: list[bytes] = []
    server.sni_callback = lambda sock, sni, context: greeted.append(sni)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await request(reader))[0])
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with receiver(handle, server) as port:

        class Nat(httpcore.AnyIOBackend):
            """The way to the public address ends on loopback."""

            async def connect_tcp(self, host: str, *given: Any, **more: Any) -> Any:
                assert host == PUBLIC
                return await super().connect_tcp("127.0.0.1", port)

        monkeypatch.setattr(http_out, "_resolve", lambda host, port: [PUBLIC])
        async with sending(context=client) as out:
            out._backend.inner = Nat()
            answer = await out.post("https://hooks.partner.cn:8443/", b"{}", {})
    assert (answer.status, answer.error) == (status, error)
    assert greeted == ["hooks.partner.cn"]
    if status:
        assert b"hooks.partner.cn:8443" in heads[0]


async def test_retry_after_is_told() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 503 No\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with receiver(handle) as port:
        answer = await post_to(port)
    assert (answer.status, answer.retry_after) == (503, 120)
