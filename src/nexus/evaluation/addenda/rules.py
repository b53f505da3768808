"""What an addendum corrects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from nexus.core.refusals import Invalid
from nexus.evaluation.schemes.model import BodyKind
from nexus.evaluation.schemes.rules import Key, check_score


@dataclass(frozen=True, slots=True)
class Correction:
    """Another score than the one that was published."""

    indicator: str
    body: BodyKind
    score: Decimal


def corrected(scores: Mapping[Key, Decimal], given: Sequence[Correction]) -> dict[Key, Decimal]:
    """All scores with the corrections in; Invalid where there is no such score."""
    found = dict(scores)
    for one in given:
        key = (one.indicator, one.body)
        if key not in scores:
            raise Invalid(
                f"{one.body.name} has no score of {one.indicator!r} in this evaluation.",
                field="corrections",
            )
        found[key] = check_score(one.score)
    return found


def told(scores: Mapping[Key, Decimal], given: Sequence[Correction]) -> list[dict[str, str]]:
    """Codes, and points as text: NUMERIC in JSON."""
    return [
        {
            "indicator": one.indicator,
            "body": one.body.value,
            "before": str(scores[one.indicator, one.body]),
            "after": str(check_score(one.score)),
        }
        for one in given
    ]
