"""Passwords and TLS, against mosquitto (the embedded broker has neither, on loopback)."""

import contextlib
import datetime as dt
import gc
import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.link.session import Link
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import MOSQUITTO, Mosquitto
from tests.links import running

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")

PASSWD = shutil.which("mosquitto_passwd")


def settings(port: int, **more: object) -> LinkSettings:
    return LinkSettings.model_validate(
        {"device_id": "tv-1", "port": port, "reconnect_min": 0.02, "reconnect_max": 0.1, **more}
    )


async def refused(link: Link) -> str:
    async with contextlib.aclosing(link.changes()) as changes:  # type: ignore[type-var]
        async for status in changes:
            assert not status.connected
            if status.error is not None:
                return status.error.for_person()
    raise RuntimeError("changes never end")


async def refusal(chosen: LinkSettings) -> str:
    """Return why no connection can be made, and forget the link with everything that its error holds."""
    once = chosen.model_copy(update={"reconnect_min": dt.timedelta(hours=1), "reconnect_max": dt.timedelta(hours=1)})
    async with running(Link(once)) as link:
        return await refused(link)


def authority(directory: Path, name: str) -> Path:
    """Write a self-signed certificate for 127.0.0.1 and its key; return the certificate's path."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def password_file(path: Path, user: str, password: str) -> Path:
    command = [str(PASSWD), "-b", "-c", str(path), user, password]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.skipif(PASSWD is None, reason="mosquitto_passwd is not installed")
async def test_the_password_comes_from_a_file_that_may_be_corrected_while_the_agent_runs(tmp_path: Path) -> None:
    passwords, credentials = password_file(tmp_path / "passwords", "tv-1", "pa:ss"), tmp_path / "credentials"
    credentials.write_text("tv-1:old\n")
    with Mosquitto(anonymous=False, lines=[f"password_file {passwords}"]) as broker:
        async with running(Link(settings(broker.port, credentials_file=credentials))) as link:
            assert "Not authorized" in await refused(link)
            credentials.write_text("tv-1:pa:ss\n")
            await link.connected()
            await link.publish("edge/report/1", b"sealed")


async def test_tls_takes_the_broker_that_our_authority_signed(tmp_path: Path) -> None:
    ours = authority(tmp_path, "ours")
    lines = [f"certfile {ours}", f"keyfile {ours.with_suffix('.key')}"]
    with Mosquitto(lines=lines) as broker:
        async with running(Link(settings(broker.port, tls=True, ca_file=ours))) as link:
            await link.connected()
            payload = bytes(200_000)
            await link.publish("edge/report/1", payload, retain=True)
            assert await link.fetch("edge/report/1", 200_000) == payload


# paho leaves the socket of a failed handshake to the garbage collector, which closes it and warns.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
async def test_tls_refuses_a_broker_that_another_authority_signed(tmp_path: Path) -> None:
    ours, theirs = authority(tmp_path, "ours"), authority(tmp_path, "theirs")
    lines = [f"certfile {theirs}", f"keyfile {theirs.with_suffix('.key')}"]
    with Mosquitto(lines=lines) as broker:
        said = await refusal(settings(broker.port, tls=True, ca_file=ours))
    assert "certificate verify failed" in said
    assert "Check the authority's file, the broker's certificate and this machine's clock." in said
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
async def test_tls_refuses_a_broker_that_speaks_plainly(tmp_path: Path) -> None:
    with Mosquitto() as broker:
        ours = authority(tmp_path, "ours")
        assert "cannot be used" in await refusal(settings(broker.port, tls=True, ca_file=ours))
    gc.collect()
