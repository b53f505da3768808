"""Codes of a device and for a lost one, which roles need them, and how secrets are kept."""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pyotp import TOTP, random_base32
from pyotp.utils import strings_equal

from nexus.acting import GOVERNMENT, OVERSIGHT, STATION, Role
from nexus.core.crypto import DEFAULT, Profile, SealError

FACTORS = "second_factors"
"""The key of the Factors in `session.info`, put there by whoever makes the sessions."""
SENSITIVE = (
    GOVERNMENT
    | STATION
    | OVERSIGHT
    | {Role.PLATFORM_ADMIN, Role.DPO, Role.BUYER, Role.BUYER_FINANCE, Role.CHARITY_USER}
)
"""Roles of people who approve, or who may come to see data of class D2 or above."""
STEP = 30
"""Seconds a code is shown (RFC 6238, 4.1)."""
DRIFT = 1
"""Steps a device's clock may be off, either way (RFC 6238, 5.2)."""
RECOVERY_CODES = 10
ISSUER = "nexus"
KEY_VERSION = 1
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[A-Z2-7]{16}")


class Factors:
    """Seals secrets and hashes recovery codes, with keys derived from the root key.

    `required`: the roles that sign in with a second factor only; others may have one.
    """

    key_version = KEY_VERSION

    def __init__(
        self, root: bytes, required: Iterable[Role] = (), profile: Profile = DEFAULT
    ) -> None:
        self.required = frozenset(required)
        self.profile = profile
        size = profile.sealing.key_bytes
        self._sealing = profile.derive(root, f"nexus/second-factor/seal/{KEY_VERSION}", size)
        self._hashing = profile.derive(root, "nexus/second-factor/recovery")

    def seal(self, secret: str, factor_id: UUID) -> bytes:
        """The secret's ciphertext, good only in this row."""
        place = _sealed_at(factor_id, KEY_VERSION)
        return self.profile.sealing.seal(self._sealing, secret.encode(), place)

    def open(self, sealed: bytes, factor_id: UUID, key_version: int) -> str | None:
        """The secret; None when the ciphertext belongs to another row or another key."""
        place = _sealed_at(factor_id, key_version)
        try:
            return self.profile.sealing.open(self._sealing, sealed, place).decode()
        except SealError:
            return None

    def hash(self, code: str, factor_id: UUID) -> bytes:
        """The keyed hash a recovery code is kept by."""
        return self.profile.keyed_hash(self._hashing, f"{factor_id}\x1f{code}".encode())


def _sealed_at(factor_id: UUID, key_version: int) -> bytes:
    return f"second_factor\x1f{factor_id}\x1fsecret\x1f{key_version}".encode()


def session_info(root: bytes, required: Iterable[Role] = ()) -> dict[str, Any]:
    """What sessions carry so that sign-in can check codes."""
    return {FACTORS: Factors(root, required)}


def new_secret() -> str:
    """160 random bits in base32 (RFC 4226, 4 R6)."""
    return random_base32()


def address(secret: str, username: str) -> str:
    """The `otpauth:` address that an authenticator reads from a square code."""
    return TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code this is, at most DRIFT away from now; None for no such step."""
    given = code.replace(" ", "")
    if not _CODE.fullmatch(given):
        return None
    device, here = TOTP(secret, interval=STEP), int(now.timestamp()) // STEP
    steps = range(here - DRIFT, here + DRIFT + 1)
    right = [step for step in steps if strings_equal(device.generate_otp(step), given)]
    return max(right, default=None)


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 random bits, as people copy them: `ABCD-EFGH-IJKL-MNOP`."""
    return ["-".join(_group() for _ in range(4)) for _ in range(RECOVERY_CODES)]


def _group() -> str:
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(4))


def recovery_code(given: str) -> str | None:
    """A recovery code without hyphens, spaces and letter case; None for what is none."""
    folded = given.replace("-", "").replace(" ", "").upper()
    return folded if _RECOVERY.fullmatch(folded) else None
