"""Passwords, tokens and names: what they must look like, and how they are kept."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nexus.acting import GOVERNMENT, STATION, Role
from nexus.core.refusals import Invalid

MACHINES = "nxc_"
"""How the identifier of an API client begins; no person's name may."""
SCOPES = {
    "needs:read": "Published needs, their lines and history, gaps and suggestions.",
    "needs:write": "Drafts of needs and what becomes of them, up to what a person must decide.",
    "offers:read": "Offers and projects.",
    "offers:write": "One's own offers and projects, and what is read with them.",
    "pledges:read": "Pledges, allocations, deliveries and feedback.",
    "pledges:write": "Pledging, delivering, answering; and what is read with it.",
    "referrals:read": "Referrals sent and received, with what of their package is open.",
    "referrals:write": "Sending and answering referrals; and what is read with it.",
    "discovery:read": "Reports of hardship, their trail and what their hotlines were told.",
    "discovery:write": "Reporting hardship and handling reports; and what is read with it.",
    "recipients:read": "Households and recipients by pseudonym, recognitions, consents.",
    "recipients:write": "Recording households, recipients, recognitions and consents.",
    "organizations:write": "One's own organization's entry in the register.",
    "changes:read": "What changed since; of the rows themselves, what the other scopes open.",
    "obligations:read": "What the organization must still do, and until when.",
    "obligations:write": "Saying that it is done.",
    "attestations:read": "Attestations addressed to the organization, and their history.",
    "worklists:read": "What waits, is late or is stuck; of the rows, what the other scopes open.",
    "chains:read": "What happened for a household, in order, as far as the policy shows it.",
    "messages:write": "Exchanging messages as an authority, and acknowledging them.",
    "reports:read": "Reports, and exports of whole datasets; of rows, what other scopes open.",
    "imports:write": "Uploading files and importing them, as far as the other scopes open it.",
    "volunteers:read": "Volunteers by pseudonym, teams, tasks, sign-ups, hours and certificates.",
    "volunteers:write": "One's own volunteers, teams and tasks, sign-ups and hours for them.",
    "cases:read": "Assessments, case files without their notes, plans, case conferences.",
    "cases:write": "Drafting assessments and plans, working on cases; and what is read with it.",
    "visits:read": "Visits, their plans, reports of changes, pairings and contributions.",
    "visits:write": "Planning and making visits, pairing helpers; and what is read with it.",
    "purchases:read": "Budget lines and their ledger, contracts, acceptances and payments.",
    "webhooks:write": "Endpoints that are told of changes, and their log.",
}
"""What a credential can be narrowed to. `nexus.scopes` says which names each opens."""
TOKEN_PREFIX = "nx_"
TOKEN_BYTES = 32
TOKEN_LIFE = timedelta(hours=8)
MAX_FAILURES = 10
"""Failed sign-ins in a row under one name; then the door stays shut for LOCK."""
TOKENS_TOLD = timedelta(days=30)
"""How long a token that has ended is still shown to its holder."""
LOCK = timedelta(minutes=15)
MIN_PASSWORD, MAX_PASSWORD = 12, 200
NEEDS_TERRITORY = GOVERNMENT | STATION
PRIVATE = frozenset({Role.RECIPIENT, Role.GUARDIAN})
ASSIGNABLE = frozenset(Role) - {Role.ANONYMOUS, Role.SYSTEM}

# OWASP's parameters for argon2id: 46 MiB, one pass, one lane, about 40 ms.
_HASHER = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_NOBODYS_HASH = _HASHER.hash(secrets.token_urlsafe(32))
_USERNAME = re.compile(r"[\w.@-]{3,100}")


def hash_password(password: str) -> str:
    """The encoded argon2id hash, with its salt and parameters."""
    return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Without a hash it takes the same time and says no."""
    try:
        _HASHER.verify(password_hash or _NOBODYS_HASH, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def new_password() -> str:
    """A random password for a first sign-in: 96 bits, easy to copy."""
    return secrets.token_urlsafe(12)


def check_password(password: str) -> None:
    """Length alone (NIST SP 800-63B): no rules about kinds of characters."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid(
            f"A password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters: "
            "take several words together.",
            field="password",
            minimum=MIN_PASSWORD,
            maximum=MAX_PASSWORD,
        )


def new_token() -> str:
    """A bearer token: 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def digest(text: str) -> bytes:
    """SHA-256: enough for a token, which nobody can guess."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def check_scopes(scopes: list[str], *, field: str = "scopes") -> list[str]:
    """The scopes, sorted, each once. Invalid when one is unknown or there is none."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not scopes:
        told = f"Unknown: {', '.join(unknown)}. " if unknown else "Name at least one. "
        raise Invalid(f"{told}Scopes are {', '.join(SCOPES)}.", field=field)
    return sorted(set(scopes))


def check_username(username: str) -> str:
    """3 to 100 letters, digits, dots, hyphens, underscores or @; letter case aside."""
    folded = username.strip().casefold()
    if not _USERNAME.fullmatch(folded) or folded.startswith(MACHINES):
        raise Invalid(
            "A username has 3 to 100 letters, digits, dots, hyphens, underscores or @.",
            field="username",
        )
    return folded


def check_territory(role: Role, area_code: str | None) -> None:
    """Roles of government and station act in a territory, so they need one."""
    if role in NEEDS_TERRITORY and area_code is None:
        raise Invalid(
            f"{role.name} acts in a territory: give areaCode, CN for the whole country.",
            field="areaCode",
        )
    if role not in ASSIGNABLE:
        raise Invalid(f"No account can have the role {role.name}.", field="role")


def check_private(role: Role, *, placed: bool) -> None:
    """Recipients and guardians act for themselves: neither in an organization nor for an area."""
    if role in PRIVATE and placed:
        raise Invalid(
            f"{role.name} acts for a person: leave organizationId and areaCode out.", field="role"
        )


def check_expiry(now: datetime, expires_at: datetime) -> None:
    """A token that is dead on arrival helps nobody."""
    if expires_at <= now:
        raise Invalid("expiresAt must lie in the future.", field="expiresAt")
