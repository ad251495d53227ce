"""Certificates made for a test, by an authority that only it knows."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


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
        key = load_pem_private_key(made.private_key_pem.bytes(), None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        found = Identity(*(self._folder / f"{name}-{part}.pem" for part in ("cert", "key", "both")))
        found.certificate.write_bytes(chain)
        found.key.write_bytes(pem)
        found.both.write_bytes(pem + chain)
        return found
