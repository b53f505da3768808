"""Schemes of evaluation in the graph."""

from datetime import datetime
from decimal import Decimal

import strawberry

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.evaluation.schemes import model, operations, policy, queries
from nexus.evaluation.schemes.rules import Content, Indicator, Step
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    derived,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.purchasing.procurements.suppliers.model import StandingEffect
from nexus.volunteering.hours.graphql import of

register_enums(model.SchemeState, model.BodyKind, model.Aspect, model.Grade, StandingEffect)
guard(
    "uq_evaluation_scheme_effective",
    "Another revision was adopted at the same time: read the scheme again.",
    rule="one_in_force",
)


@record
class SchemeBody:
    """Who scores, and how much of the total the score weighs, in percent."""

    kind: model.BodyKind
    weight: Decimal


@record
class SchemeGrade:
    """From which total on a grade is given, and what it means for the supplier."""

    grade: model.Grade
    from_total: Decimal
    effect: StandingEffect


@node(model.SchemeIndicator, visible=policy.indicator_visible)
class SchemeIndicator:
    """A node of the tree. Leaves name the bodies that score them; weights sum to 100."""

    code: str
    title: str
    guidance: str | None
    aspect: model.Aspect
    weight: Decimal
    bodies: list[str]
    position: int
    parent: "SchemeIndicator | None" = to_one(model.SchemeIndicator.parent_id)


@node(
    model.EvaluationScheme,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "change_scheme": ("change", policy.may_change),
        "adopt_scheme": ("adopt", policy.may_adopt),
        "retire_scheme": ("retire", policy.may_retire),
    },
)
class EvaluationScheme:
    """One revision of how a buyer's contracts are evaluated; a template has no buyer."""

    code: str
    revision: int
    title: str
    source: str
    least_answers: int
    bodies: list[SchemeBody] = derived(queries.bodies_shown, default=10, maximum=10)
    grades: list[SchemeGrade] = derived(queries.grades_shown, default=4, maximum=4)
    indicators: Connection[SchemeIndicator] = to_many(
        model.SchemeIndicator.scheme_id, order=Order(("position",))
    )
    state: model.SchemeState
    state_reason: str | None
    version: int
    adopted_at: datetime | None
    created_at: datetime
    buyer: Organization | None = to_one(model.EvaluationScheme.buyer_id)
    area: Area | None = to_one(model.EvaluationScheme.area_code)
    adopted_by: Account | None = to_one(model.EvaluationScheme.adopted_by)


@query
class SchemeQuery:
    evaluation_schemes: Connection[EvaluationScheme] = collection(
        "EvaluationScheme",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.EvaluationScheme.state),
            "buyer": of(model.EvaluationScheme.buyer_id, "Organization"),
            "code": any_of(model.EvaluationScheme.code),
        },
        about="How services are graded: templates, what is in force, and what was.",
    )


SchemeResult = result("EvaluationScheme", EvaluationScheme)


@strawberry.input
class SchemeBodyInput:
    kind: model.BodyKind
    weight: Decimal


@strawberry.input
class SchemeGradeInput:
    grade: model.Grade
    from_total: Decimal
    effect: StandingEffect


@strawberry.input
class SchemeIndicatorInput:
    """Parents come before their children; only leaves name bodies."""

    code: str
    title: str
    weight: Decimal
    aspect: model.Aspect
    parent: str | None = strawberry.field(default=None, description="The parent's code.")
    bodies: list[model.BodyKind] = strawberry.field(default_factory=list)
    guidance: str | None = None


@strawberry.input
class SchemeContentInput:
    """All of it: what is given takes the place of what was there."""

    bodies: list[SchemeBodyInput]
    grades: list[SchemeGradeInput]
    indicators: list[SchemeIndicatorInput]


def _content(given: SchemeContentInput | None) -> Content | None:
    if given is None:
        return None
    return Content(
        bodies={one.kind: one.weight for one in given.bodies},
        steps=tuple(Step(one.grade, one.from_total, one.effect) for one in given.grades),
        indicators=tuple(
            Indicator(
                one.code,
                one.parent,
                one.title,
                one.weight,
                one.aspect,
                tuple(one.bodies),
                one.guidance,
            )
            for one in given.indicators
        ),
    )


@strawberry.input
class CreateSchemeInput:
    """`content`, or a `templateId` whose content is copied."""

    code: str
    title: str
    source: str = strawberry.field(description="What it is based on.")
    least_answers: int = strawberry.field(
        default=5, description="Fewer clients than this are not the clients' voice."
    )
    content: SchemeContentInput | None = None
    template_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(SchemeResult)
async def create_scheme(act, input: CreateSchemeInput):  # type: ignore[no-untyped-def]
    """Begin the next revision of a scheme of yours, or a first one."""
    return await operations.create_scheme(
        act,
        code=input.code,
        title=input.title,
        source=input.source,
        least_answers=input.least_answers,
        content=_content(input.content),
        template_id=decode_given(input.template_id, "EvaluationScheme"),
    )


@strawberry.input
class ChangeSchemeInput:
    """What is given replaces what the draft has."""

    id: strawberry.ID
    expected_version: int
    title: str | None = None
    least_answers: int | None = None
    content: SchemeContentInput | None = None
    idempotency_key: str


@mutation(SchemeResult)
async def change_scheme(act, input: ChangeSchemeInput):  # type: ignore[no-untyped-def]
    """Change a draft. What was adopted stays: grades rest on it."""
    return await operations.change_scheme(
        act,
        decode(input.id, "EvaluationScheme"),
        expected_version=input.expected_version,
        title=input.title,
        least_answers=input.least_answers,
        content=_content(input.content),
    )


transition(
    "adopt_scheme",
    SchemeResult,
    operations.adopt_scheme,
    "Put a draft in force, which somebody else wrote; the earlier revision is retired.",
)
transition(
    "retire_scheme",
    SchemeResult,
    operations.retire_scheme,
    "No evaluation is planned by it any more, with a reason.",
)
