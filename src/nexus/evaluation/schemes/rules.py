"""What makes a scheme, and what scores come to by it: pure sums in exact fractions (INV-29).

A body's score is the mean of its leaves' scores, each weighed by the product of the weights on its
path; the total is the mean of the bodies' scores, weighed by the bodies. Both are rounded half up
to hundredths: what is published is what is reckoned with.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text
from nexus.evaluation.schemes.model import Aspect, BodyKind, Grade
from nexus.purchasing.procurements.suppliers.model import StandingEffect

HUNDRED = Decimal(100)
CENT = Decimal("0.01")
REQUIRED = (BodyKind.THIRD_PARTY, BodyKind.BUYER, BodyKind.CLIENT)
DEEPEST = 3
MOST_INDICATORS = 200
MOST_ANSWERS = 10_000
CODE = re.compile(r"^[A-Z0-9]+([.-][A-Z0-9]+)*$")
TITLE = 200

Key = tuple[str, BodyKind]
"""The code of a leaf, and the body that scored it."""


class WeightsWrong(GuardFailed):
    """Weights that should sum to 100 do not; `details` names where, and the sum."""

    code = "WEIGHTS_WRONG"


class SchemeInForce(GuardFailed):
    """The scheme is in force or was: what was graded by it must stay reckonable."""

    code = "SCHEME_IN_FORCE"


class ScoresMissing(GuardFailed):
    """Leaves that a body must score have no score yet; `details.missing` names them."""

    code = "SCORES_MISSING"


@dataclass(frozen=True, slots=True)
class Indicator:
    """A node of the tree, as plain values."""

    code: str
    parent: str | None
    title: str
    weight: Decimal
    aspect: Aspect
    bodies: tuple[BodyKind, ...] = ()
    guidance: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A grade with the total it begins at."""

    grade: Grade
    from_total: Decimal
    effect: StandingEffect


@dataclass(frozen=True, slots=True)
class Content:
    """All of a scheme that a grade depends on."""

    bodies: Mapping[BodyKind, Decimal]
    steps: tuple[Step, ...]
    indicators: tuple[Indicator, ...]

    def leaves(self) -> list[Indicator]:
        """Indicators without children, in the order of the tree."""
        inner = {one.parent for one in self.indicators}
        return [one for one in self.indicators if one.code not in inner]

    def expected(self) -> list[Key]:
        """Every score that must be there."""
        return [(leaf.code, body) for leaf in self.leaves() for body in leaf.bodies]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the scores came to."""

    total: Decimal
    """0.00 to 100.00."""
    by_body: dict[str, str]
    """{body: score}, as text: NUMERIC in JSON."""
    grade: Grade
    effect: StandingEffect


def weight_of(content: Content, code: str) -> Fraction:
    """The share of the whole that a node has: the product of the weights on its path."""
    by_code = {one.code: one for one in content.indicators}
    share = Fraction(1)
    at: str | None = code
    while at is not None:
        share *= Fraction(by_code[at].weight) / 100
        at = by_code[at].parent
    return share


def reckon(content: Content, scores: Mapping[Key, Decimal]) -> Outcome:
    """Total and grade of a full set of scores; ScoresMissing names what is not there."""
    missing = [
        f"{code} by {body.value}" for code, body in content.expected() if (code, body) not in scores
    ]
    if missing:
        raise ScoresMissing(
            f"{len(missing)} scores are missing: enter them first.", missing=missing[:50]
        )
    by_body = {body: _body_score(content, scores, body) for body in content.bodies}
    shares = (Fraction(content.bodies[body]) / 100 * Fraction(by_body[body]) for body in by_body)
    total = _rounded(sum(shares, Fraction(0)))
    step = max(
        (one for one in content.steps if one.from_total <= total), key=lambda one: one.from_total
    )
    told = {body.value: str(score) for body, score in sorted(by_body.items())}
    return Outcome(total, told, step.grade, step.effect)


def _body_score(content: Content, scores: Mapping[Key, Decimal], body: BodyKind) -> Decimal:
    weighed, weights = Fraction(0), Fraction(0)
    for leaf in content.leaves():
        if body in leaf.bodies:
            share = weight_of(content, leaf.code)
            weighed += share * Fraction(scores[leaf.code, body])
            weights += share
    return _rounded(weighed / weights)


def _rounded(value: Fraction) -> Decimal:
    """To hundredths, half up; exact, because the value is a fraction."""
    doubled = value * 200 + 1
    return Decimal(doubled.numerator // doubled.denominator // 2).scaleb(-2).quantize(CENT)


def check_score(score: Decimal) -> Decimal:
    """0 to 100, in hundredths at most."""
    if not 0 <= score <= HUNDRED:
        raise Invalid(f"A score is from 0 to 100, not {score}.", field="score")
    if score != score.quantize(CENT, ROUND_HALF_UP):
        raise Invalid("A score has two decimals at most.", field="score")
    return score.quantize(CENT)


def check_content(content: Content) -> Content:
    """A whole scheme; WeightsWrong or Invalid names what is not right."""
    _check_bodies(content)
    _check_steps(content.steps)
    _check_tree(content)
    _check_sum("the bodies", content.bodies.values())
    for parent in {one.parent for one in content.indicators}:
        siblings = [one.weight for one in content.indicators if one.parent == parent]
        _check_sum(f"the children of {parent}" if parent else "the first level", siblings)
    return content


def _check_sum(where: str, weights: Iterable[Decimal]) -> None:
    weights = list(weights)
    if any(not 0 < each <= HUNDRED or each != each.quantize(CENT) for each in weights):
        raise Invalid(f"A weight of {where} is not within 0.01 to 100.00.", field="weight")
    if sum(weights) != HUNDRED:
        raise WeightsWrong(
            f"The weights of {where} sum to {sum(weights)}: make it 100.",
            rule="INV-29",
            where=where,
            sum=sum(weights, Decimal(0)),
        )


def _check_bodies(content: Content) -> None:
    absent = [body.name for body in REQUIRED if body not in content.bodies]
    if absent:
        raise Invalid(
            f"A scheme has the bodies {', '.join(absent)} as well: third party, buyer and "
            "clients are always heard.",
            field="bodies",
        )
    scoring = {body for leaf in content.leaves() for body in leaf.bodies}
    for leaf in content.leaves():
        if not leaf.bodies or not set(leaf.bodies) <= set(content.bodies):
            raise Invalid(
                f"Indicator {leaf.code} names no body, or one that the scheme has not.",
                field="indicators",
                indicator=leaf.code,
            )
    idle = sorted(body.name for body in content.bodies if body not in scoring)
    if idle:
        raise Invalid(f"{', '.join(idle)} score no indicator: leave them out.", field="bodies")


def _check_steps(steps: Sequence[Step]) -> None:
    order = [Grade.UNQUALIFIED, Grade.QUALIFIED, Grade.GOOD, Grade.EXCELLENT]
    risen = sorted(steps, key=lambda one: one.from_total)
    starts = [one.from_total for one in risen]
    if [one.grade for one in risen] != order or len(set(starts)) != len(order):
        raise Invalid(
            "grades gives each of UNQUALIFIED, QUALIFIED, GOOD and EXCELLENT once, rising.",
            field="grades",
        )
    if starts[0] != 0 or starts[-1] > HUNDRED:
        raise Invalid("UNQUALIFIED begins at 0, and no grade above 100.", field="grades")


def _check_tree(content: Content) -> None:
    known: dict[str, Indicator] = {}
    if not 0 < len(content.indicators) <= MOST_INDICATORS:
        raise Invalid(f"A scheme has 1 to {MOST_INDICATORS} indicators.", field="indicators")
    for one in content.indicators:
        parent = known.get(one.parent) if one.parent else None
        if not CODE.match(one.code) or one.code in known:
            raise Invalid(
                f"Indicator code {one.code!r} is not in capitals and digits, or stands twice.",
                field="indicators",
            )
        if one.parent and parent is None:
            raise Invalid(f"{one.code}: list its parent {one.parent} first.", field="indicators")
        if parent and parent.aspect is not one.aspect:
            raise Invalid(f"{one.code} has another aspect than its parent.", field="indicators")
        known[one.code] = one
    inner = {one.parent for one in content.indicators}
    for one in content.indicators:
        if one.code in inner and one.bodies:
            raise Invalid(
                f"{one.code} has children, and only they are scored: it names no bodies.",
                field="indicators",
            )
        if depth(content.indicators, one) > DEEPEST:
            raise Invalid(f"{one.code} lies deeper than {DEEPEST} levels.", field="indicators")


def depth(indicators: Sequence[Indicator], one: Indicator) -> int:
    """1 at the first level."""
    by_code = {each.code: each for each in indicators}
    steps = 1
    while one.parent is not None:
        one, steps = by_code[one.parent], steps + 1
    return steps


def no_content() -> Invalid:
    """The refusal of a scheme of nothing."""
    return Invalid(
        "Give bodies, grades and indicators, or the templateId of a scheme to begin from.",
        field="templateId",
    )


def check_least(answers: int) -> int:
    """How many clients must have answered."""
    if not 1 <= answers <= MOST_ANSWERS:
        raise Invalid(f"leastAnswers is from 1 to {MOST_ANSWERS}.", field="leastAnswers")
    return answers


def check_words(text: str | None, *, field: str, most: int = TITLE) -> str:
    """The text, there and free of personal data: everybody may read it."""
    return check_impersonal(check_text(text, field=field, most=most), field=field)


def check_code(code: str) -> str:
    """A scheme's code, such as GZ-SERVICE."""
    said = code.strip().upper()
    if not CODE.match(said) or len(said) > 40:
        raise Invalid("code is of capitals and digits, such as GZ-SERVICE.", field="code")
    return said
