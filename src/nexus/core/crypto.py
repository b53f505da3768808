"""Sealing and keyed hashing by profile: `default` AES-256-GCM and HMAC-SHA-256, `gm` SM4 and SM3.

Keys come in as bytes from above; nothing here keeps or reads one.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
TAG_BYTES = 16


class SealError(Exception):
    """The ciphertext was made with another key, or for another place, or was changed."""


class Sealing(Protocol):
    """An authenticated cipher: `aad` binds the ciphertext to the place it stands in."""

    key_bytes: int

    def seal(self, key: bytes, plain: bytes, aad: bytes) -> bytes:
        """A fresh nonce, then ciphertext and tag."""

    def open(self, key: bytes, sealed: bytes, aad: bytes) -> bytes:
        """The plain bytes; SealError when key, place or content do not fit."""


class _Aes256Gcm:
    key_bytes = 32

    def seal(self, key: bytes, plain: bytes, aad: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, plain, aad)

    def open(self, key: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
        except (InvalidTag, ValueError):
            raise SealError from None


class _Sm4Gcm:
    key_bytes = 16

    def seal(self, key: bytes, plain: bytes, aad: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(aad)
        return nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag

    def open(self, key: bytes, sealed: bytes, aad: bytes) -> bytes:
        nonce, body, tag = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:-TAG_BYTES], sealed[-TAG_BYTES:]
        try:
            decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
            decryptor.authenticate_additional_data(aad)
            return decryptor.update(body) + decryptor.finalize()
        except (InvalidTag, ValueError):
            raise SealError from None


@dataclass(frozen=True)
class Profile:
    """One set of algorithms (reliability: crypto by profile)."""

    name: str
    sealing: Sealing
    digest: type[Any]

    def derive(self, root: bytes, purpose: str, length: int = 32) -> bytes:
        """A key for one purpose from the root key (HKDF, RFC 5869)."""
        return HKDF(self.digest(), length, salt=None, info=purpose.encode()).derive(root)

    def keyed_hash(self, key: bytes, text: bytes) -> bytes:
        """HMAC (RFC 2104), 32 bytes."""
        mac = HMAC(key, self.digest())
        mac.update(text)
        return mac.finalize()


DEFAULT = Profile("default", _Aes256Gcm(), hashes.SHA256)
GM = Profile("gm", _Sm4Gcm(), hashes.SM3)
