"""What a station and a post must satisfy."""

from datetime import date

from nexus.acting import STATION, Role
from nexus.core.refusals import Invalid


def check_station(name: str, posts: int) -> str:
    """A name and a number of posts that is not negative; the name without spaces around it."""
    kept = name.strip()
    if not kept:
        raise Invalid("A station needs a name.", field="name")
    if posts < 0:
        raise Invalid(f"posts is {posts}; it is 0 or more.", field="posts")
    return kept


def check_holder(role: Role) -> None:
    """Only people of a station hold a post at one."""
    if role not in STATION:
        raise Invalid(
            f"An account of role {role.name} holds no post: "
            "it must be STATION_LEAD, SOCIAL_WORKER or AIDE.",
            field="accountId",
        )


def check_period(valid_from: date, valid_to: date | None) -> None:
    """End-exclusive."""
    if valid_to is not None and valid_to <= valid_from:
        raise Invalid(f"validTo {valid_to} must lie after validFrom {valid_from}.", field="validTo")
