"""Constraints that speak: what the database refuses, told as a refusal when a slice named it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DBAPIError

from nexus.core.refusals import GuardFailed, Refusal
from nexus.graph.reading import LOST

GUARDS: dict[str, Callable[[], Refusal]] = {}
RETRIED = ("40001", "40P01")
"""SQLSTATE of serialization failure and deadlock: nothing was done, it may be tried again."""


def guard(
    constraint: str, message: str, *, kind: type[Refusal] = GuardFailed, **details: Any
) -> None:
    """What a violation of the constraint means to the caller; unnamed ones stay faults."""
    GUARDS[constraint] = lambda: kind(message, **details)


def refusal_of(error: DBAPIError) -> Refusal | None:
    """The refusal that the violated constraint stands for, if it was named."""
    cause: Any = getattr(error.orig, "__cause__", None) or error.orig
    made = GUARDS.get(str(getattr(cause, "constraint_name", "")))
    return made() if made else None


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
