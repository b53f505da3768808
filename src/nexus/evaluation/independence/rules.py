"""What a tie says, and the refusal of an evaluator that is not independent."""

from datetime import date

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text


class EvaluatorTied(GuardFailed):
    """The evaluator is or was linked with the supplier; `details.ties` says how."""

    code = "EVALUATOR_TIED"


def check_tie(from_on: date, until_on: date | None, today: date) -> None:
    """A period with an end after its beginning, which does not lie ahead."""
    if from_on > today:
        raise Invalid("fromOn lies ahead: declare what is or was.", field="fromOn")
    if until_on is not None and until_on <= from_on:
        raise Invalid("untilOn must come after fromOn: it is end-exclusive.", field="untilOn")


def check_note(note: str) -> str:
    """How they are linked, without naming a person."""
    return check_impersonal(check_text(note, field="note", most=1000), field="note")


def check_independent(ties: list[str], months: int, rule: str) -> None:
    """EvaluatorTied where there is any tie."""
    if ties:
        raise EvaluatorTied(
            f"The evaluator was linked with the supplier in the last {months} months: choose "
            "one that was not.",
            rule=rule,
            ties=ties,
            months=months,
        )
