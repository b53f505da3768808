"""Constraints that speak: what the database refuses is a refusal, with the rule's name.

Operations check first, so a client meets a constraint where two deeds were at it at once. A slice
says what its constraint means by `guard`. For the others a duplicate is told as such; a CHECK that
no slice speaks for is told by its name, and logged, because a rule is missing above it.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DBAPIError

from nexus.core.refusals import GuardFailed, Refusal
from nexus.graph.reading import LOST

log = logging.getLogger(__name__)

GUARDS: dict[str, Callable[[], Refusal]] = {}
RETRIED = ("40001", "40P01")
"""SQLSTATE of serialization failure and deadlock: nothing was done, it may be tried again."""
DUPLICATE = ("23505", "23P01")
"""SQLSTATE of a broken unique or exclusion constraint."""
CHECKED = "23514"


def guard(
    constraint: str, message: str, *, kind: type[Refusal] = GuardFailed, **details: Any
) -> None:
    """What a violation of the constraint means to the caller."""
    GUARDS[constraint] = lambda: kind(message, **details)


def refusal_of(error: DBAPIError) -> Refusal | None:
    """The refusal that the violated constraint stands for; None when it is no such violation."""
    cause: Any = getattr(error.orig, "__cause__", None) or error.orig
    name = str(getattr(cause, "constraint_name", None) or "")
    if name in GUARDS:
        return GUARDS[name]()
    if name and _state(error) in DUPLICATE:
        return GuardFailed(
            "Somebody wrote the same at the same time: read it again, then decide.",
            rule=rule_of(name),
        )
    if name and _state(error) == CHECKED:
        log.error("constraint %s was met by a deed: no operation checks its rule", name)
        return GuardFailed(
            f"The rule {rule_of(name)} forbids this as things stand now: read it again, "
            "then decide.",
            rule=rule_of(name),
        )
    return None


def rule_of(constraint: str) -> str:
    """The invariant that a constraint is named after, or the constraint's own name."""
    found = re.search(r"inv_(\d+)", constraint)
    return f"INV-{found[1]}" if found else constraint


def may_retry(error: DBAPIError) -> bool:
    """Whether the transaction lost a race that it may win the next time."""
    return _state(error) in RETRIED


def is_bad_value(error: DBAPIError) -> bool:
    """Whether a value was of no use to its column (SQLSTATE class 22)."""
    return _state(error).startswith("22")


def was_canceled(error: DBAPIError) -> bool:
    """Whether the statement ran out of time; nothing was done."""
    return _state(error) == "57014"


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection broke: whether the deed was done is for its key to tell."""
    if error is None or isinstance(error, Refusal):
        return False
    if isinstance(error, DBAPIError) and (
        error.connection_invalidated or _state(error)[:2] in ("08", "57")
    ):
        return True
    # Where it breaks in the middle of an answer, the driver says so in words of its own.
    return isinstance(error, LOST) or is_lost(error.__cause__)


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")
