"""Identifiers, secrets, networks and quotas of API clients: what they must look like."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

from nexus.accounts.rules import MACHINES
from nexus.acting import GOVERNMENT, Role
from nexus.core.refusals import GuardFailed, Invalid

SECRET_PREFIX = "nxs_"
SECRET_BYTES = 32
HINT = 4
TOKEN_LIFE = timedelta(hours=1)
DEFAULT_COST = 600_000
LEAST_COST, MOST_COST = 1_000, 1_000_000_000
"""Bounds of a quota, in cost a minute."""
MAX_NETWORKS = 50
MAX_NAME = 100
MAX_DOCUMENTS, MAX_DOCUMENT = 100, 32 * 1024
"""Documents in one registration, and characters of one."""
DOCUMENTS_OF_A_CLIENT = 2_000

Network = IPv4Network | IPv6Network


def identifier(client_id: UUID) -> str:
    """The OAuth client_id of an API client, which is also its service account's username."""
    return MACHINES + client_id.hex


def client_of(identifier_: str) -> UUID | None:
    """The API client an identifier names; None when it can name none."""
    digits = identifier_.removeprefix(MACHINES)
    try:
        found = UUID(hex=digits)
    except ValueError:
        return None
    return found if identifier(found) == identifier_ else None


def new_secret() -> str:
    """A client secret: 256 random bits."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def hint(secret: str) -> str:
    """What is kept of a secret so that its holder knows it from the other."""
    return secret[-HINT:]


def check_name(name: str) -> str:
    """1 to 100 characters."""
    if not 0 < len(name.strip()) <= MAX_NAME:
        raise Invalid(f"A client's name has 1 to {MAX_NAME} characters.", field="name")
    return name.strip()


def service_role(registrar: Role, *, government: bool) -> Role:
    """The role a client acts in. A machine of the government drafts and records: it never approves.

    `government` is whether the organization is a government body.
    """
    if registrar is Role.VOL_ORG:
        return Role.VOL_ORG
    if registrar in GOVERNMENT or government:
        return Role.GOV_CLERK
    return Role.CHARITY_CLIENT


def check_networks(given: list[str]) -> list[str]:
    """Networks in CIDR notation, each in its canonical form."""
    if len(given) > MAX_NETWORKS:
        raise Invalid(f"A client has at most {MAX_NETWORKS} networks.", field="networks")
    return sorted({str(_network(text)) for text in given})


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip())
    except ValueError:
        likely = _likely(text)
        told = f" Do you mean {likely}?" if likely else " Write 203.0.113.0/24 or 2001:db8::/32."
        raise Invalid(f"{text!r} is no network in CIDR notation.{told}", field="networks") from None
    if network.prefixlen == 0:
        message = "For every address leave the list empty."
        raise Invalid(message, field="networks")
    return network


def _likely(text: str) -> Network | None:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def as_networks(kept: Iterable[str]) -> tuple[Network, ...]:
    """Networks as they are kept, ready to be asked."""
    return tuple(ip_network(text) for text in kept)


def allows(networks: Iterable[Network], address: str) -> bool:
    """Whether the address lies in one of the networks; everywhere when there are none."""
    known = tuple(networks)
    if not known:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in known)


def check_cost(cost_per_minute: int) -> int:
    """A quota within bounds."""
    if not LEAST_COST <= cost_per_minute <= MOST_COST:
        raise Invalid(
            f"A quota lies between {LEAST_COST} and {MOST_COST} a minute.",
            field="costPerMinute",
            minimum=LEAST_COST,
            maximum=MOST_COST,
        )
    return cost_per_minute


def free_place(taken: Iterable[int]) -> int:
    """The place of a new key. GuardFailed when both hold a live one."""
    free = {1, 2} - set(taken)
    if not free:
        raise GuardFailed(
            "Two keys are live: retire one, then add another.", rule="client.two_keys", live=2
        )
    return min(free)


def token_until(now: datetime, key_expires_at: datetime | None) -> datetime:
    """No token outlives the key it was got with."""
    usual = now + TOKEN_LIFE
    return usual if key_expires_at is None else min(usual, key_expires_at)
