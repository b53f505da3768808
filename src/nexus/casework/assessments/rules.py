"""What an answer may be, and what answers come to: pure sums over an instrument's content."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from nexus.casework.model import RiskTier
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal

MAX_TEXT = 2000
MOST_MEASURES = 20
HUNDRED = Decimal(100)
CENT = Decimal("0.01")


class Unanswered(GuardFailed):
    """Items of the instrument have no answer yet; `details.items` names them."""

    code = "UNANSWERED"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which scores of 100 a tier begins, and a countersignature is due."""

    medium_from: Decimal
    high_from: Decimal
    countersign_from: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the answers came to."""

    score: Decimal
    """0 to 100."""
    by_dimension: dict[str, str]
    """{dimension: 0 to 100 of its own}, as text: NUMERIC in JSON."""
    tier: RiskTier
    countersign: bool


def items_of(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{item key: item}, in the order of the questionnaire."""
    return {item["key"]: item for part in content["dimensions"] for item in part["items"]}


def check_answers(content: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers that the instrument knows; Invalid names the item. Not all need be there yet."""
    items = items_of(content)
    for key, answer in answers.items():
        if key not in items:
            raise Invalid(
                f"The instrument has no item {key!r}: its items are {', '.join(items)}.",
                field="answers",
                item=key,
            )
        if answer is not None:
            _check_answer(items[key], answer)
    return dict(answers)


def _check_answer(item: Mapping[str, Any], answer: Any) -> None:
    key = item["key"]
    if "options" in item:
        known = [option["value"] for option in item["options"]]
        if answer not in known:
            raise Invalid(
                f"{key} is answered by one of {', '.join(known)}.",
                field="answers",
                item=key,
                known=known,
            )
        return
    whole = isinstance(answer, int) and not isinstance(answer, bool)
    least = item["bands"][0]["from"]
    if not whole or not least <= answer <= 1000:
        raise Invalid(
            f"{key} is answered by a whole number from {least} to 1000.", field="answers", item=key
        )


def points(item: Mapping[str, Any], answer: Any) -> Decimal:
    """The points of one answer; those of the highest band that it reaches."""
    if "options" in item:
        (found,) = (o["points"] for o in item["options"] if o["value"] == answer)
        return Decimal(found)
    return Decimal([band["points"] for band in item["bands"] if band["from"] <= answer][-1])


def most(item: Mapping[str, Any]) -> Decimal:
    """The most points that an item can give."""
    return Decimal(max(each["points"] for each in item.get("options") or item["bands"]))


def score(
    content: Mapping[str, Any], answers: Mapping[str, Any], thresholds: Thresholds
) -> Outcome:
    """The tier of risk (T23c): each dimension's share of its points, by its weight.

    Unanswered where an item has no answer.
    """
    missing = [key for key in items_of(content) if answers.get(key) is None]
    if missing:
        raise Unanswered(
            f"{len(missing)} items have no answer yet: {', '.join(missing)}. Answer them first.",
            field="answers",
            rule="T23c",
            items=missing,
        )
    total, shares = Decimal(0), {}
    for part in content["dimensions"]:
        got = sum((points(item, answers[item["key"]]) for item in part["items"]), Decimal(0))
        share = got * HUNDRED / sum((most(item) for item in part["items"]), Decimal(0))
        shares[part["key"]] = str(share.quantize(CENT, ROUND_HALF_UP))
        total += share * Decimal(part["weight"]) / HUNDRED
    total = total.quantize(CENT, ROUND_HALF_UP)
    return Outcome(total, shares, _tier(total, thresholds), total >= thresholds.countersign_from)


def _tier(total: Decimal, thresholds: Thresholds) -> RiskTier:
    if total >= thresholds.high_from:
        return RiskTier.HIGH
    return RiskTier.MEDIUM if total >= thresholds.medium_from else RiskTier.LOW


def check_measure(text: str, place: int) -> str:
    """What would help, in words that other departments may read (INV-13)."""
    said = text.strip()
    if not 0 < len(said) <= MAX_TEXT:
        raise Invalid(
            f"Measure {place} needs 1 to {MAX_TEXT} characters.", field="measures", place=place
        )
    return check_impersonal(said, field="measures")


def check_remarks(text: str | None) -> str | None:
    """Remarks without spaces around them; Invalid when they are too long."""
    said = (text or "").strip() or None
    if said is not None and len(said) > MAX_TEXT:
        raise Invalid(f"remarks holds at most {MAX_TEXT} characters.", field="remarks")
    return said
