"""Expected errors: a refusal is data for the caller, names its rule, and leaves nothing changed."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

Detail = str | int | bool | Decimal | date | datetime | UUID | list[str] | None


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Why a deed was not done. `message` says what to do next; `details` holds the numbers."""

    code: ClassVar[str] = "REFUSED"

    def __init__(self, message: str, *, field: str | None = None, **details: Detail) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = {name: _plain(value) for name, value in details.items() if value is not None}

    def as_dict(self) -> dict[str, object]:
        """The GraphQL `Refusal` object as plain JSON values."""
        return {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "details": self.details or None,
        }


class NotFound(Refusal):
    """The row is missing, or the actor may not see it: the two are never told apart."""

    code = "NOT_FOUND"


class Forbidden(Refusal):
    """The actor sees the row but may not do this to it."""

    code = "FORBIDDEN"


class WrongState(Refusal):
    """The state machine has no such transition from the row's present state."""

    code = "WRONG_STATE"


class VersionConflict(Refusal):
    """Somebody changed the row since the caller read it."""

    code = "VERSION_CONFLICT"


class GuardFailed(Refusal):
    """A rule of the business forbids it; `details.rule` names the rule."""

    code = "GUARD_FAILED"


class Invalid(Refusal):
    """A value makes no sense; `field` names it."""

    code = "INVALID"


class ConsentMissing(Refusal):
    """No valid consent or legal basis covers this purpose, data class and receiver (INV-11)."""

    code = "CONSENT_MISSING"


class CapacityExhausted(Refusal):
    """More was asked than is left; `details.available` says how much is (INV-01, INV-02)."""

    code = "CAPACITY_EXHAUSTED"


class IdempotencyKeyReused(Refusal):
    """The key was used before with another input (INV-38)."""

    code = "IDEMPOTENCY_KEY_REUSED"


def _plain(value: Detail) -> object:
    if isinstance(value, str | int | list) or value is None:
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
