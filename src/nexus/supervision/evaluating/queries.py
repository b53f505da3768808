"""Schemes, grades and draws against what they were made from.

INV-18 second persons and third parties, INV-19 the response period, INV-21 what follows a grade,
INV-29 weights, scores and grades.
"""

from typing import Any

from sqlalchemy import Select, String, Text, Uuid, all_, and_, cast, func, or_, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Numeric

from nexus.evaluation.evaluations.model import Evaluation, EvaluationScore
from nexus.evaluation.sampling.model import EvaluationSample, SampleState
from nexus.evaluation.schemes.model import EvaluationScheme, SchemeIndicator
from nexus.supervision.ledger.queries import finding

_UNEVEN = text(
    "SELECT scheme_id, 'bodies' AS place, sum(weight) AS total FROM scheme_body "
    "GROUP BY scheme_id HAVING sum(weight) <> 100 "
    "UNION ALL SELECT scheme_id, coalesce((SELECT code FROM scheme_indicator above "
    "WHERE above.id = scheme_indicator.parent_id), 'top'), sum(weight) FROM scheme_indicator "
    "GROUP BY scheme_id, parent_id HAVING sum(weight) <> 100"
).columns(scheme_id=Uuid, place=Text, total=Numeric)

_RECKONED = text(
    "WITH RECURSIVE tree AS ("
    "SELECT id, weight * 0.01 AS share FROM scheme_indicator WHERE parent_id IS NULL "
    "UNION ALL SELECT one.id, tree.share * one.weight * 0.01 FROM scheme_indicator one "
    "JOIN tree ON tree.id = one.parent_id), "
    "bodies AS (SELECT evaluation_id, body, "
    "round(sum(tree.share * score) / sum(tree.share), 2) AS points FROM evaluation_score "
    "JOIN tree ON tree.id = indicator_id GROUP BY evaluation_id, body), "
    "totals AS (SELECT made.id, made.scheme_id, round(sum(by.weight * bodies.points) * 0.01, 2) "
    "AS total, jsonb_object_agg(by.kind, bodies.points::text) AS scores FROM evaluation made "
    "JOIN scheme_body by ON by.scheme_id = made.scheme_id "
    "LEFT JOIN bodies ON bodies.evaluation_id = made.id AND bodies.body = by.kind "
    "WHERE made.finalized_at IS NOT NULL GROUP BY made.id) "
    "SELECT DISTINCT ON (totals.id) totals.id, totals.total, totals.scores, step.grade, "
    "step.effect FROM totals LEFT JOIN scheme_grade step ON step.scheme_id = totals.scheme_id "
    "AND step.from_total <= totals.total ORDER BY totals.id, step.from_total DESC"
).columns(id=Uuid, total=Numeric, scores=JSONB, grade=String, effect=String)

_STANDINGS = text(
    "SELECT made.id, coalesce((SELECT effect FROM evaluation_addendum one "
    "WHERE one.evaluation_id = made.id AND one.state = 'released' "
    "ORDER BY one.position DESC LIMIT 1), made.effect) AS owed, "
    "(SELECT effect FROM supplier_standing held WHERE held.source_id = made.id "
    "AND held.supplier_id = made.supplier_id AND held.buyer_id = made.buyer_id "
    "ORDER BY held.recorded_at DESC, held.id DESC LIMIT 1) AS held "
    "FROM evaluation made WHERE made.published_at IS NOT NULL"
).columns(id=Uuid, owed=String, held=String)

_REDRAWN = text(
    "SELECT sample.id, "
    "(SELECT encode(sha256(convert_to(string_agg(key::text, E'\\n' ORDER BY key::text "
    "COLLATE \"C\"), 'UTF8')), 'hex') FROM unnest(sample.frame) AS key) AS frame_hash, "
    "(SELECT string_agg(key, ',' ORDER BY place) FROM (SELECT key::text AS key, row_number() "
    "OVER (ORDER BY sha256(convert_to(sample.seed || ':' || key, 'UTF8')), key::text "
    'COLLATE "C") AS place FROM unnest(sample.frame) AS key) AS lots WHERE place <= sample.size) '
    "AS drawn, "
    "(SELECT string_agg(item.fact_id::text, ',' ORDER BY item.position) FROM sample_item item "
    "WHERE item.sample_id = sample.id) AS kept FROM evaluation_sample sample"
).columns(id=Uuid, frame_hash=String, drawn=String, kept=String)


def _weights_sum() -> Select[Any]:
    row, uneven = EvaluationScheme, _UNEVEN.subquery()
    return finding(
        row.id, "its weights do not sum to 100", place=uneven.c.place, total=uneven.c.total
    ).join(uneven, uneven.c.scheme_id == row.id)


def _scores_are_of_the_scheme() -> Select[Any]:
    row, made, leaf = EvaluationScore, Evaluation, SchemeIndicator
    return (
        finding(row.id, "it is out of range, or of no leaf that its body scores", score=row.score)
        .join(made, made.id == row.evaluation_id)
        .join(leaf, leaf.id == row.indicator_id)
        .where(
            or_(
                ~row.score.between(0, 100),
                leaf.scheme_id != made.scheme_id,
                cast(row.body, Text) != all_(leaf.bodies),
            )
        )
    )


def _grade_is_reckoned() -> Select[Any]:
    """Total, bodies, grade and effect anew from scores, weights and thresholds."""
    row, anew = Evaluation, _RECKONED.subquery()
    return (
        finding(
            row.id,
            "its grade is not what its scores come to by its scheme",
            total=row.total,
            reckoned=anew.c.total,
        )
        .join(anew, anew.c.id == row.id)
        .where(
            or_(
                row.total.is_distinct_from(anew.c.total),
                row.body_scores.is_distinct_from(anew.c.scores),
                cast(row.grade, Text).is_distinct_from(anew.c.grade),
                cast(row.effect, Text).is_distinct_from(anew.c.effect),
            )
        )
    )


def _third_parties_evaluate() -> Select[Any]:
    row = Evaluation
    return finding(
        row.id, "its evaluator is a party, or one person planned or finalized and released it"
    ).where(
        or_(
            row.evaluator_id.in_((row.buyer_id, row.supplier_id)),
            row.published_by.in_((row.planned_by, row.finalized_by)),
        )
    )


def _supplier_could_answer() -> Select[Any]:
    row = Evaluation
    return finding(
        row.id, "it became final while the supplier could still answer", due=row.response_due_at
    ).where(
        row.responded_at.is_(None),
        row.finalized_at < row.response_due_at,
    )


def _standing_follows() -> Select[Any]:
    row, anew = Evaluation, _STANDINGS.subquery()
    return (
        finding(
            row.id,
            "what holds for its supplier is not what its grade means",
            owed=anew.c.owed,
            held=anew.c.held,
        )
        .join(anew, anew.c.id == row.id)
        .where(anew.c.owed.is_distinct_from(anew.c.held))
    )


def _samples_are_drawn_again() -> Select[Any]:
    row, anew = EvaluationSample, _REDRAWN.subquery()
    told = func.encode(func.sha256(func.convert_to(row.seed, "UTF8")), "hex")
    return (
        finding(row.id, "seed and frame do not give what was told and drawn", size=row.size)
        .join(anew, anew.c.id == row.id)
        .where(
            or_(
                row.commitment != told,
                row.frame_hash != anew.c.frame_hash,
                and_(row.state == SampleState.DRAWN, anew.c.drawn.is_distinct_from(anew.c.kept)),
            )
        )
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-18 a third party evaluates": _third_parties_evaluate(),
    "INV-19 supplier could answer": _supplier_could_answer(),
    "INV-21 standing follows the grade": _standing_follows(),
    "INV-29 weights sum to 100": _weights_sum(),
    "INV-29 scores are of the scheme": _scores_are_of_the_scheme(),
    "INV-29 grade is reckoned": _grade_is_reckoned(),
    "INV-29 samples are drawn again": _samples_are_drawn_again(),
}
