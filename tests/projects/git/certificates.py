"""Certificates for the tests, made when they run: an authority, and servers' certificates that it has signed."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "git.example.test"


@dataclass(frozen=True)
class Authority:
    """`bundle` is the file that makes a client trust what it signs."""

    folder: Path
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def bundle(self) -> Path:
        return self.folder / "authority.pem"

    def server(self, *, days: int = 1) -> ssl.SSLContext:
        """For a server that is HOST or 127.0.0.1; one of less than no days is expired."""
        key = generate_private_key(SECP256R1())
        names = [x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]
        made = _described(HOST, key, self.certificate.subject, days=days)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        file = self.folder / f"server-{days}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + made.sign(self.key, SHA256()).public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def make_authority(folder: Path) -> Authority:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    made = _described("Authority of the tests", key, name, days=2)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = Authority(folder, key, made.sign(key, SHA256()))
    authority.bundle.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return authority


def _described(name: str, key: EllipticCurvePrivateKey, issuer: x509.Name, *, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + timedelta(days=days))
    )
