"""A need does not end while it owes something."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from nexus.core.refusals import GuardFailed


class Owed(Protocol):
    """An obligation of the need."""

    @property
    def no(self) -> str: ...
    @property
    def kind(self) -> StrEnum: ...
    @property
    def due_at(self) -> datetime | None: ...


def check_settled(owed: Sequence[Owed]) -> None:
    """Nothing is left that the need still owes (INV-05); the refusal names it and its date."""
    if not owed:
        return
    told = "; ".join(f"{one.no} ({one.kind.name}, {_due(one)})" for one in owed)
    raise GuardFailed(
        f"Still owed: {told}. Bring what is owed, or have it waived with a reason, first.",
        rule="INV-05",
        obligations=[one.no for one in owed],
        due=[one.due_at.isoformat() if one.due_at else "" for one in owed],
    )


def check_verified(provisional: bool, waived: bool) -> None:
    """What was published before its verification is verified, or that was waived (T15c)."""
    if provisional and not waived:
        raise GuardFailed(
            "It was published provisionally and is not verified yet: verify it later first, or "
            "have the supplement waived with a reason.",
            rule="T15c",
        )


def _due(one: Owed) -> str:
    if one.due_at is None:
        return "due after the emergency ends"
    return f"due {one.due_at:%Y-%m-%d %H:%M} UTC"
