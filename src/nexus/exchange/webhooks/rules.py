"""What an endpoint may be, how secrets are sealed, and what is signed (Standard Webhooks 1.0)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from nexus.core.crypto import DEFAULT, Profile
from nexus.core.refusals import GuardFailed, Invalid
from nexus.exchange.changes.rules import ALL_KINDS
from nexus.integrations.targets import AllowList, Target, TargetRefused, read_target

WEBHOOKS = "webhooks"
"""The key of the Mailroom in `session.info`, put there by whoever makes the sessions."""
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
KEY_VERSION = 1
OVERLAP = timedelta(hours=24)
"""How long an old secret signs beside the new one."""
MAX_SECRETS = 5
MAX_ENDPOINTS = 20
MAX_LABEL = 100


class WebhooksClosed(GuardFailed):
    """This process was started without the key that seals webhook secrets."""

    code = "WEBHOOKS_CLOSED"


class BadTarget(Invalid):
    """The address is none that nexus sends to; `details.cause` says why."""

    code = "BAD_WEBHOOK_TARGET"


class Mailroom:
    """What a process needs for webhooks: the key of the secrets, and the addresses allowed."""

    def __init__(
        self, root: bytes, allowed: AllowList = frozenset(), profile: Profile = DEFAULT
    ) -> None:
        self.allowed = allowed
        self.profile = profile
        size = profile.sealing.key_bytes
        self._key = profile.derive(root, f"nexus/webhook/secret/{KEY_VERSION}", size)

    def seal(self, secret: bytes, endpoint_id: UUID, secret_id: UUID) -> bytes:
        """The secret's ciphertext, good only in this row."""
        return self.profile.sealing.seal(self._key, secret, _place(endpoint_id, secret_id))

    def open(self, sealed: bytes, endpoint_id: UUID, secret_id: UUID) -> bytes:
        """The secret; SealError when the ciphertext stands in another place."""
        return self.profile.sealing.open(self._key, sealed, _place(endpoint_id, secret_id))

    def check_url(self, url: str) -> str:
        """The address, if it may be sent to as far as its text tells. BadTarget."""
        return _target(url, self.allowed).url


def _place(endpoint_id: UUID, secret_id: UUID) -> bytes:
    return f"webhook_secret\x1f{endpoint_id}\x1f{secret_id}\x1f{KEY_VERSION}".encode()


def _target(url: str, allowed: AllowList) -> Target:
    try:
        return read_target(url, allowed)
    except TargetRefused as refused:
        raise BadTarget(refused.message, field="url", cause=refused.cause) from None


def session_info(
    root: bytes, allowed: AllowList = frozenset(), profile: Profile = DEFAULT
) -> dict[str, Any]:
    """What sessions carry so that operations can seal secrets: made once, where they are made."""
    return {WEBHOOKS: Mailroom(root, allowed, profile)}


def check_kinds(given: Sequence[str]) -> list[str]:
    """Known kinds, each once, sorted."""
    unknown = sorted(set(given) - ALL_KINDS)
    if unknown:
        raise Invalid(
            f"There is no kind '{unknown[0][:60]}': changeKinds lists all.",
            field="kinds",
            unknown=[kind[:60] for kind in unknown[:5]],
        )
    return sorted(set(given))


def check_label(text: str | None) -> str | None:
    """One short line, or nothing."""
    kept = " ".join((text or "").split())
    if len(kept) > MAX_LABEL:
        raise Invalid(f"A label has at most {MAX_LABEL} characters.", field="label")
    return kept or None


def new_secret() -> bytes:
    """A fresh random secret."""
    return secrets.token_bytes(SECRET_BYTES)


def show_secret(secret: bytes) -> str:
    """The secret as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def signed_headers(
    keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers, with one signature for each live secret, the newest first."""
    signatures = [signature(key, message_id, timestamp, body) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
