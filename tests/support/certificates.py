"""Certificates made for a test, by an authority that only it knows."""

import base64
from dataclasses import dataclass
from pathlib import Path

import trustme

# DER of the algorithm of trustme's keys: elliptic curve, prime256v1 (RFC 5480).
_CURVE = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")


@dataclass(frozen=True)
class Identity:
    """PEM files of one certificate and its key; `both` holds the key first."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A certificate authority; its own certificate is the file `ca`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def identity(self, name: str, *addresses: str) -> Identity:
        """A certificate for addresses (or for a client's name)."""
        made = self._authority.issue_cert(*addresses)
        chain = b"".join(part.bytes() for part in made.cert_chain_pems)
        pem = _pkcs8(made.private_key_pem.bytes().decode())
        found = Identity(*(self._folder / f"{name}-{part}.pem" for part in ("cert", "key", "both")))
        found.certificate.write_bytes(chain)
        found.key.write_bytes(pem)
        found.both.write_bytes(pem + chain)
        return found


def _pkcs8(pem: str) -> bytes:
    """A key in the form that Kafka reads (RFC 5208)."""
    body = "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
    key = _der(0x30, b"\x02\x01\x00" + _CURVE + _der(0x04, base64.b64decode(body)))
    lines = base64.encodebytes(key).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n".encode()


def _der(tag: int, content: bytes) -> bytes:
    """One element; its length is below 256."""
    long = b"\x81" if len(content) > 127 else b""
    return bytes([tag]) + long + bytes([len(content)]) + content
