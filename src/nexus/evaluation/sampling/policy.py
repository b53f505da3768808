"""Who sees a sample, and who commits to it, draws it and looks into it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor
from nexus.evaluation.evaluations import policy as evaluations
from nexus.evaluation.sampling import model


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its evaluation: the hashes are known before the draw."""
    return (
        true() if actor.role in EVERYWHERE else evaluations.of_evaluation(actor, row.evaluation_id)
    )


def item_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the evaluation's scores."""
    if actor.role in EVERYWHERE:
        return true()
    sample = aliased(model.EvaluationSample)
    return exists().where(sample.id == row.sample_id, evaluations.score_visible(actor, sample))


def may_commit(actor: Actor, row: Any) -> Any:
    """Of an evaluation: the evaluator's people."""
    return evaluations.may_start(actor, row)


def may_draw(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return evaluations.may_start(actor, row)


def may_find(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return evaluations.may_start(actor, row)


def may_void(actor: Actor, row: Any) -> Any:
    """The evaluator's people."""
    return may_draw(actor, row)
