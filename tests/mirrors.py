"""Real mirrors for tests: aiohttp servers over TLS, signed by an authority of the test's own."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[web.Request, Path], Awaitable[web.StreamResponse]]
"""What a mirror does with a request for the file at a path, which may not be there."""


async def honest(_request: web.Request, path: Path) -> web.StreamResponse:
    """Serve the file as any server of plain files does, parts of it included."""
    return web.FileResponse(path)  # 404 where there is none


async def slow(request: web.Request, path: Path) -> web.StreamResponse:
    """Serve the part of the file that is asked for as over a thin line: some 1.6 MB/s."""
    content = await asyncio.to_thread(path.read_bytes)
    asked = request.http_range
    part = content[asked]
    head = {"Content-Range": f"bytes {asked.start}-{asked.start + len(part) - 1}/{len(content)}"}
    answer = web.StreamResponse(status=206, headers=head)
    answer.content_length = len(part)
    await answer.prepare(request)
    for at in range(0, len(part), 16_384):
        await answer.write(part[at : at + 16_384])
        await asyncio.sleep(0.01)  # the line itself
    return answer


class Authority:
    """Signs certificates for 127.0.0.1; `ca_file` is what devices are given to trust."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ca_file = directory / f"{name}.pem"
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _called(name)
        certificate = self._sign(_called(name), self._key, is_authority=True)
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str = "127.0.0.1") -> ssl.SSLContext:
        """Return a server's context with a certificate for `host` alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_called(host), key, host=host)
        path = self._directory / f"{host}-{certificate.serial_number}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        is_authority: bool = False,
        host: str = "127.0.0.1",
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if is_authority:
            usage = x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        else:
            try:
                names: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
            except ValueError:
                names = x509.DNSName(host)
            builder = builder.add_extension(x509.SubjectAlternativeName([names]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the path, its Range, and its headers."""

    path: str
    part: str
    headers: tuple[tuple[str, str], ...]

    def span(self) -> tuple[int, int]:
        """Return the first byte and the one after the last."""
        first, _, last = self.part.removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1


@dataclass
class Mirror:
    """A running mirror of `folder`: `async with Mirror(folder, authority) as mirror: mirror.url`.

    `answer` is what it does; a test may change it at any time. `asked` is what it was asked for.
    """

    folder: Path
    authority: Authority
    answer: Answer = honest
    context: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    port: int = 0
    base: str = ""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}{self.base}"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._closing = asyncio.Event()
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await self.open()
        return self

    async def open(self) -> None:
        """Listen, on the same port as before where there was one."""
        self._site = web.TCPSite(
            self._runner, "127.0.0.1", self.port, ssl_context=self.context or self.authority.context()
        )
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def shut(self) -> None:
        """Take no more connections, and end those that are open."""
        await self._site.stop()
        for connection in list(self._runner.server.connections if self._runner.server else ()):
            if connection.transport is not None:
                connection.transport.abort()

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.path, request.headers.get("Range", ""), tuple(request.headers.items())))
        self.connections.add(request.transport)
        path = self.folder / request.path.removeprefix(f"{self.base}/")
        return await self.answer(request, path)

    async def silence(self) -> None:
        """Say nothing until the mirror ends."""
        await self._closing.wait()


class ThreadedMirror:
    """A `Mirror` in a thread of its own, for tests without an event loop."""

    def __init__(self, folder: Path, authority: Authority, answer: Answer = honest) -> None:
        self.authority = authority
        self._mirror = Mirror(folder, authority, answer)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mirror", daemon=True)

    @property
    def url(self) -> str:
        return self._mirror.url

    @property
    def asked(self) -> list[Asked]:
        return self._mirror.asked

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._mirror.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._mirror.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
