"""What is right for an evaluation: its period, its words, its response period."""

from collections.abc import Iterable
from datetime import date, datetime

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text

LONG_REPORT = 20_000
EVIDENCE = 2000
MOST_FACTS = 100


class EvaluationFinal(GuardFailed):
    """The evaluation is final: what was wrong is corrected by an addendum."""

    code = "EVALUATION_FINAL"


class ResponsePending(GuardFailed):
    """The supplier may still answer; `details.due` says until when."""

    code = "RESPONSE_PENDING"


class AlreadyEvaluated(GuardFailed):
    """An evaluation of the contract is under way."""

    code = "ALREADY_EVALUATED"


def check_period(
    from_on: date, until_on: date, *, starts_on: date, ends_on: date, today: date
) -> None:
    """A part of the contract's term that has begun."""
    if until_on <= from_on:
        raise Invalid("untilOn must come after fromOn: it is end-exclusive.", field="untilOn")
    if from_on < starts_on or until_on > ends_on:
        raise Invalid(
            f"The period lies within the contract's term, {starts_on} to before {ends_on}.",
            field="fromOn",
        )
    if from_on > today:
        raise Invalid("fromOn lies ahead: evaluate what was done.", field="fromOn")


def check_report(text: str | None, *, field: str) -> str:
    """A report or a response: everybody may read it once it is published."""
    return check_impersonal(check_text(text, field=field, most=LONG_REPORT), field=field)


def check_evidence(text: str | None) -> str:
    """What a score rests on."""
    return check_impersonal(check_text(text, field="evidence", most=EVIDENCE), field="evidence")


def check_facts(given: Iterable[object], known: Iterable[object]) -> None:
    """Facts of the evaluated contract, not too many."""
    asked = list(given)
    if len(asked) > MOST_FACTS:
        raise Invalid(f"A score rests on {MOST_FACTS} facts at most.", field="factIds")
    if not set(asked) <= set(known):
        raise Invalid(
            "factIds names facts that do not count for this contract in the period.",
            field="factIds",
        )


def check_response_open(due_at: datetime | None, now: datetime) -> None:
    """The supplier answers before the period is over."""
    if due_at is not None and now >= due_at:
        raise GuardFailed(
            f"The response period ended at {due_at.isoformat()}.", rule="response", due=due_at
        )


def check_response_over(
    responded_at: datetime | None, due_at: datetime | None, now: datetime
) -> None:
    """Nothing is final before the supplier answered or could have (INV-19)."""
    if responded_at is None and due_at is not None and now < due_at:
        raise ResponsePending(
            f"The supplier may answer until {due_at.isoformat()}: finalize it afterwards.",
            rule="INV-19",
            due=due_at,
        )


def final(no: str) -> EvaluationFinal:
    """The refusal of a change to what is final."""
    return EvaluationFinal(
        f"{no} is final: its scores stay as they are. Propose an addendum that corrects them.",
        rule="INV-21",
    )
