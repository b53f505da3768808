"""Who sees an evaluation and its scores, and who does what to it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, literal_column, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.evaluation.evaluations import model
from nexus.evaluation.schemes.model import BodyKind
from nexus.purchasing.procurements.suppliers.policy import (
    AUTHORITIES,
    BUYERS,
    SUPPLIERS,
    SUPPLIERS_PEOPLE,
)

AUTHORITY = frozenset({Role.GOV_COORDINATOR, Role.GOV_APPROVER})
COMMITTEE = frozenset({Role.GOV_CLERK})
BODIES = {
    Role.EVALUATOR: BodyKind.THIRD_PARTY,
    Role.BUYER: BodyKind.BUYER,
    **dict.fromkeys(AUTHORITY, BodyKind.AUTHORITY),
    **dict.fromkeys(COMMITTEE, BodyKind.COMMITTEE),
}
"""Whose score each role brings; the clients' is reckoned from what they answered."""
_E = model.EvaluationState
_TOLD = (_E.RESPONSE_PERIOD, _E.FINAL, *model.PUBLIC)
"""From here on the supplier reads scores and report."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Its parties and the authorities of its area; everybody once it is published."""
    if actor.role in EVERYWHERE:
        return true()
    return or_(row.published_at.is_not(None), _of(actor, row))


def _of(actor: Actor, row: Any) -> ColumnElement[bool]:
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role is Role.EVALUATOR:
        return row.evaluator_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in SUPPLIERS_PEOPLE:
        return row.supplier_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in AUTHORITIES:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    return false()


def of_evaluation(actor: Actor, evaluation_id: Any) -> ColumnElement[bool]:
    """SQL: the actor sees the evaluation that a row names."""
    made = aliased(model.Evaluation)
    return exists().where(made.id == evaluation_id, visible(actor, made))


def score_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its evaluation; the supplier from the response period on."""
    if actor.role in EVERYWHERE:
        return true()
    made = aliased(model.Evaluation)
    return exists().where(made.id == row.evaluation_id, visible(actor, made), _told(actor, made))


def _told(actor: Actor, row: Any) -> Any:
    if actor.role in SUPPLIERS_PEOPLE:
        return row.state.in_(_TOLD)
    return true()


def may_read_report(actor: Actor, row: Any) -> Any:
    """As its scores."""
    return True if actor.role not in SUPPLIERS_PEOPLE else row.state.in_(_TOLD)


def may_read_reason(actor: Actor, row: Any) -> Any:
    """Why it was moved: its parties and the authorities, not the public nor the platform."""
    if actor.role is Role.SYSTEM:
        return True
    return False if actor.role in EVERYWHERE else _of(actor, row)


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the evaluation it is about; its scores are told of to the supplier when it reads them."""
    made = aliased(model.Evaluation)
    seen = exists().where(made.id == row.object_id, visible(actor, made), _told(actor, made))
    return and_(row.object_type == literal_column("'evaluation'"), seen)


def fact_count(row: Any) -> ColumnElement[int]:
    """SQL: how many facts a score rests on."""
    return func.cardinality(row.fact_ids)


def may_plan(actor: Actor, buyer_id: Any) -> bool:
    """The buyer's people."""
    return actor.role is Role.BUYER and bool(buyer_id == actor.organization_id)


def may_start(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return row.evaluator_id == actor.organization_id if actor.role is Role.EVALUATOR else False


def may_score(actor: Actor, row: Any) -> Any:
    """Each body's people: the evaluator's, the buyer's, the area's authority and committee."""
    if actor.role is Role.EVALUATOR:
        return row.evaluator_id == actor.organization_id
    if actor.role is Role.BUYER:
        return row.buyer_id == actor.organization_id
    return actor.covers(row.area_code) if actor.role in BODIES else False


def may_draft(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return may_start(actor, row)


def may_open_response(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return may_start(actor, row)


def may_respond(actor: Actor, row: Any) -> Any:
    """Who speaks for the supplier."""
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS else False


def may_redraft(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return may_start(actor, row)


def may_finalize(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return may_start(actor, row)


def may_publish(actor: Actor, row: Any) -> Any:
    """Of the buyer or of the area's oversight, but neither who planned nor who finalized it."""
    if actor.role is Role.BUYER:
        near = row.buyer_id == actor.organization_id
    elif actor.role is Role.SUPERVISOR:
        near = actor.covers(row.area_code)
    else:
        return False
    return near & (row.planned_by != actor.account_id)


def may_rectify(actor: Actor, row: Any) -> Any:
    """The buyer's people, or the evaluator's."""
    if actor.role is Role.BUYER:
        return row.buyer_id == actor.organization_id
    return may_start(actor, row)


def may_close(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False
