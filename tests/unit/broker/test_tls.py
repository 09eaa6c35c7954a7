"""Over TLS: the connection goes to the judged address, and the certificate has to be that of the name."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from improvement.broker.client import Client
from improvement.broker.cutting import Cut
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import Halted
from tests.model_server import KEY, Fault, ModelServer
from tests.waiting import wait_until


def _certificate(folder: Path, name: str) -> Path:
    """Write a certificate of a name that signs itself, with its key, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / f"{name}.pem"
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _asked_over_tls(certificate: Path, folder: Path) -> ModelAnswer:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with ModelServer(lambda prompt: "safe", tls=tls) as server:
        config = server.config(base_url=f"https://localhost:{server.port}/v1", seconds=2)
        request = ModelRequest((Message(Speaker.USER, "Hello."),), "local")
        return Client(config, KEY, pace_file=folder / "pace").answer(request)


def test_an_answer_over_tls_is_cut_off_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    cut = Cut()
    with ModelServer(tls=tls) as server, ThreadPoolExecutor(1) as pool:
        server.faults.append(Fault(stream="silent"))
        config = server.config(base_url=f"https://localhost:{server.port}/v1", seconds=600)
        request = ModelRequest((Message(Speaker.USER, "Hello."),), "local")
        answer = pool.submit(Client(config, KEY, pace_file=tmp_path / "pace", cut=cut).answer, request)
        wait_until(lambda: server.asked, seconds=30, what="the question has come in")
        cut.make()
        with pytest.raises(Halted):
            answer.result(timeout=10)


def test_a_trusted_certificate_of_the_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert _asked_over_tls(certificate, tmp_path).text == "safe"


@pytest.mark.parametrize(("name", "is_trusted"), [("localhost", False), ("elsewhere.example.org", True)])
def test_any_other_certificate_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_trusted: bool
) -> None:
    certificate = _certificate(tmp_path, name)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answer = _asked_over_tls(certificate, tmp_path)
    assert answer == ModelAnswer.failed("local", "Its server has no certificate that this machine trusts.")
