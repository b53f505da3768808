"""What an answer is, and what answers come to."""

from decimal import ROUND_HALF_UP, Decimal

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text

CENT = Decimal("0.01")
LOWEST, HIGHEST = 1, 5
PURPOSE, DATA_CLASS = "EVAL", "D2"
"""Code lists consent_purpose and data_class: who asks learns how to reach the client."""


class TooFewAnswers(GuardFailed):
    """Fewer clients answered than the scheme calls a voice; `details` has the numbers."""

    code = "TOO_FEW_ANSWERS"


class AlreadyAsked(GuardFailed):
    """The client was asked about this already."""

    code = "ALREADY_ASKED"


def check_satisfaction(satisfaction: int) -> int:
    """1 (not at all) to 5."""
    if not LOWEST <= satisfaction <= HIGHEST:
        raise Invalid(
            f"satisfaction is from {LOWEST} to {HIGHEST}, not {satisfaction}.",
            field="satisfaction",
        )
    return satisfaction


def check_words(text: str | None) -> str | None:
    """What the client said, without who it was; None where nothing was said."""
    if not (text or "").strip():
        return None
    return check_impersonal(check_text(text, field="text", most=2000), field="text")


def check_heard(answered: int, least: int) -> None:
    """Enough clients answered to speak of their voice."""
    if answered < least:
        raise TooFewAnswers(
            f"{answered} clients answered, and the scheme asks for {least}: ask more of them.",
            rule="T21b",
            answered=answered,
            least=least,
        )


def points(mean: Decimal) -> Decimal:
    """A mean of 1 to 5 as points of 0 to 100, in hundredths."""
    share = (mean - LOWEST) / (HIGHEST - LOWEST) * 100
    return share.quantize(CENT, ROUND_HALF_UP)
