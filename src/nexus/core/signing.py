"""Signed addresses: a path that its bearer may use until a moment, in one account's name."""

import base64
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from nexus.core.crypto import DEFAULT, Profile
from nexus.core.refusals import GuardFailed, Refusal

LINKS = "links"
"""The key of the Signer in `session.info`, put there by whoever makes the sessions."""


class LinkRefused(Refusal):
    """The address is not one that was given out, or its time is over."""

    code = "LINK_REFUSED"


class LinksClosed(GuardFailed):
    """This process was started without the key that signs addresses."""

    code = "LINKS_CLOSED"


class Signer:
    """Signs and checks addresses with a key derived from the root."""

    def __init__(self, root: bytes, profile: Profile = DEFAULT) -> None:
        self.profile = profile
        self._key = profile.derive(root, "nexus/link")

    def sign(self, method: str, path: str, account_id: UUID, expires_at: datetime) -> str:
        """The path with what proves it: good for this method, in this account's name."""
        ends = int(expires_at.timestamp())
        mark = self._mark(method, path, account_id.hex, ends)
        return f"{path}?account={account_id.hex}&expires={ends}&signature={mark}"

    def check(self, method: str, path: str, query: bytes, now: datetime) -> UUID:
        """The account in whose name the address was given out. LinkRefused."""
        try:
            given = dict(parse_qsl(query.decode("ascii"), strict_parsing=True, max_num_fields=5))
            account, ends = given["account"], int(given["expires"])
            known = hmac.compare_digest(self._mark(method, path, account, ends), given["signature"])
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise LinkRefused("This address was not given out here: copy it whole, or ask again.")
        if ends <= now.timestamp():
            raise LinkRefused("This address has expired: ask for a new one.", expired=True)
        return UUID(hex=account)

    def _mark(self, method: str, path: str, account: str, ends: int) -> str:
        signed = "\x1f".join((method, path, account, str(ends))).encode()
        mark = self.profile.keyed_hash(self._key, signed)
        return base64.urlsafe_b64encode(mark).rstrip(b"=").decode()


def session_info(root: bytes, profile: Profile = DEFAULT) -> dict[str, Any]:
    """What sessions carry so that operations can give out addresses."""
    return {LINKS: Signer(root, profile)}


def signer_of(info: dict[Any, Any]) -> Signer:
    """The signer of a session's `info`; LinksClosed when it was made without one."""
    signer = info.get(LINKS)
    if not isinstance(signer, Signer):
        raise LinksClosed("This is not possible here: the service was started without its key.")
    return signer
