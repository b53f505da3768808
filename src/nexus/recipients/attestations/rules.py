"""Compact tokens signed with Ed25519, the keys they are checked with, and the status list."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nexus.acting import SHANGHAI
from nexus.core.crypto import DEFAULT, Profile
from nexus.core.refusals import GuardFailed, Invalid

ATTESTOR = "attestor"
"""The key of the Attestor in `session.info`, put there by whoever makes the sessions."""
SEED_BYTES = 32
ALGORITHM = "EdDSA"
TOKEN_TYPE = "nexus-attestation+jwt"
STATUS_TYPE = "statuslist+jwt"
STATUS_PATH = "/.well-known/attestation-status"
STATUS_SECONDS = 300
COUNTY, PROVINCE = 6, 2
NAMELESS = "nexus"
LONGEST_TOKEN = 4_000


class AttestorClosed(GuardFailed):
    """This process was started without the key that signs attestations."""

    code = "ATTESTOR_CLOSED"


class TokenRefused(Invalid):
    """The token is not what one of these keys signed."""

    code = "TOKEN_REFUSED"


class Attestor:
    """Signs with one Ed25519 key; `issuer` is where its public keys are found, if that is known."""

    def __init__(self, seed: bytes, issuer: str | None = None) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.issuer = issuer or NAMELESS
        self.status_uri = f"{issuer or ''}{STATUS_PATH}"
        self.public_key = self._key.public_key().public_bytes_raw()
        self.thumbprint = thumbprint(self.public_key)

    def sign(self, claims: Mapping[str, Any], *, type_: str = TOKEN_TYPE) -> str:
        """The claims as a compact JWS (RFC 7515, RFC 8037)."""
        header = {"alg": ALGORITHM, "typ": type_, "kid": self.thumbprint}
        signed = f"{_packed(header)}.{_packed(claims)}"
        return f"{signed}.{_encoded(self._key.sign(signed.encode()))}"


def session_info(
    root: bytes, given: bytes | None = None, issuer: str | None = None, profile: Profile = DEFAULT
) -> dict[str, Any]:
    """What sessions carry so that attestations can be signed: with the key given, else one derived
    from the root."""
    seed = given or profile.derive(root, "nexus/attestation/ed25519/1", SEED_BYTES)
    return {ATTESTOR: Attestor(seed, issuer)}


def thumbprint(public_key: bytes) -> str:
    """RFC 7638 of an Ed25519 key: SHA-256 over its required members in their order."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _encoded(public_key)}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _encoded(hashlib.sha256(canonical.encode()).digest())


def jwk(public_key: bytes) -> dict[str, str]:
    """The key as a JSON Web Key (RFC 8037)."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _encoded(public_key),
        "kid": thumbprint(public_key),
        "use": "sig",
        "alg": ALGORITHM,
    }


def read_token(token: str, keys: Mapping[str, bytes], *, type_: str = TOKEN_TYPE) -> dict[str, Any]:
    """The claims of a token that one of the keys (thumbprint → public key) signed; TokenRefused.

    What whoever relies on one does offline. Whether it has expired or was revoked is for the
    caller: `exp`, and `status`.
    """
    if len(token) > LONGEST_TOKEN and type_ == TOKEN_TYPE:
        raise TokenRefused("The token is too long to be one.", field="token")
    try:
        signed, _, signature = token.rpartition(".")
        header, _, claims = signed.partition(".")
        told = json.loads(_decoded(header))
        if told.get("alg") != ALGORITHM or told.get("typ") != type_:
            raise ValueError(told)
        key = Ed25519PublicKey.from_public_bytes(keys[told["kid"]])
        key.verify(_decoded(signature), signed.encode())
        found: dict[str, Any] = json.loads(_decoded(claims))
    except (ValueError, KeyError, AttributeError, InvalidSignature):
        raise TokenRefused("No key of this issuer signed this token.", field="token") from None
    return found


def digest(token: str) -> bytes:
    """What a token is found by."""
    return hashlib.sha256(token.strip().encode("utf-8", "replace")).digest()


def at_midnight(day: date) -> int:
    """The first second of the day in Shanghai, in seconds since 1970."""
    return int(datetime.combine(day, time(), SHANGHAI).timestamp())


def shown_area(area_code: str, *, protected: bool) -> str:
    """The county; the province of a protected address (D7)."""
    return area_code[: PROVINCE if protected else COUNTY]


def status_list(revoked: Iterable[int], size: int) -> str:
    """One bit an attestation, set where it holds no longer: Token Status List, compressed."""
    bits = bytearray(size // 8 + 1)
    for index in revoked:
        bits[index // 8] |= 1 << index % 8
    return _encoded(zlib.compress(bytes(bits), 9))


def is_set(encoded: str, index: int) -> bool:
    """The bit of an attestation in a status list."""
    bits = zlib.decompress(_decoded(encoded))
    return index // 8 < len(bits) and bool(bits[index // 8] >> index % 8 & 1)


def _packed(values: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
