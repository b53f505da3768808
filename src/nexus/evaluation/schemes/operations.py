"""Writing a scheme, putting it in force, and retiring it."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete

from nexus.acting import Act, plain_transition
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden
from nexus.evaluation.schemes import model, policy, queries, rules
from nexus.evaluation.schemes.model import EvaluationScheme, SchemeState
from nexus.evaluation.schemes.rules import Content, Indicator
from nexus.organizations.model import Organization


async def create_scheme(
    act: Act,
    *,
    code: str,
    title: str,
    source: str,
    least_answers: int,
    content: Content | None = None,
    template_id: UUID | None = None,
) -> EvaluationScheme:
    """A draft of the buyer's: the code's next revision. Without content it is a template's."""
    if not policy.may_create(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} writes no schemes: a buyer's people do.")
    if content is None:
        content = await _copied(act, template_id)
    rules.check_content(content)
    buyer = await act.session.get_one(Organization, act.actor.organization_id)
    known = rules.check_code(code)
    # Two who begin the same revision at once are kept apart by the buyer's row.
    await act.session.refresh(buyer, with_for_update=True)
    row = EvaluationScheme(
        id=act.row_id,
        code=known,
        revision=await queries.last_revision(act.session, buyer.id, known) + 1,
        title=rules.check_words(title, field="title"),
        source=rules.check_words(source, field="source", most=1000),
        buyer_id=buyer.id,
        area_code=buyer.area_code,
        least_answers=rules.check_least(least_answers),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    await _put(act, row.id, content)
    act.record("evaluation_scheme.created", row, code=row.code, revision=row.revision)
    return row


async def _copied(act: Act, template_id: UUID | None) -> Content:
    if template_id is None:
        raise rules.no_content()
    template = await act.find(EvaluationScheme, template_id, visible=policy.visible)
    return await queries.content_of(act.session, template.id)


async def change_scheme(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    title: str | None = None,
    least_answers: int | None = None,
    content: Content | None = None,
) -> EvaluationScheme:
    """What is given replaces what a draft has. SchemeInForce afterwards (scenario 11)."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_change, row)
    if row.state is not SchemeState.DRAFT:
        raise rules.SchemeInForce(
            f"{row.code}/{row.revision} is {row.state.value}: grades rest on it. Write the next "
            "revision, and adopt that.",
            rule="INV-29",
            state=row.state.name,
        )
    act.move(row, model.TRANSITIONS, "change")
    if title is not None:
        row.title = rules.check_words(title, field="title")
    if least_answers is not None:
        row.least_answers = rules.check_least(least_answers)
    if content is not None:
        rules.check_content(content)
        await _clear(act, row.id)
        await _put(act, row.id, content)
    act.record("evaluation_scheme.changed", row)
    return row


async def _clear(act: Act, scheme_id: UUID) -> None:
    node = model.SchemeIndicator
    for table in (model.SchemeBody, model.SchemeGrade, node):
        await act.session.execute(delete(table).where(table.scheme_id == scheme_id))


async def _put(act: Act, scheme_id: UUID, content: Content) -> None:
    act.session.add_all(
        model.SchemeBody(scheme_id=scheme_id, kind=kind, weight=weight)
        for kind, weight in content.bodies.items()
    )
    act.session.add_all(
        model.SchemeGrade(
            scheme_id=scheme_id, grade=one.grade, from_total=one.from_total, effect=one.effect
        )
        for one in content.steps
    )
    ids: dict[str, UUID] = {one.code: new_id() for one in content.indicators}
    for depth in range(rules.DEEPEST):
        act.session.add_all(
            _node(scheme_id, place, one, ids)
            for place, one in enumerate(content.indicators, start=1)
            if rules.depth(content.indicators, one) == depth + 1
        )
        await act.session.flush()


def _node(
    scheme_id: UUID, place: int, one: Indicator, ids: dict[str, UUID]
) -> model.SchemeIndicator:
    return model.SchemeIndicator(
        id=ids[one.code],
        scheme_id=scheme_id,
        parent_id=ids[one.parent] if one.parent else None,
        position=place,
        code=one.code,
        title=rules.check_words(one.title, field="indicators"),
        guidance=one.guidance and rules.check_words(one.guidance, field="indicators", most=2000),
        aspect=one.aspect,
        weight=one.weight,
        bodies=[body.value for body in one.bodies],
    )


async def adopt_scheme(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> EvaluationScheme:
    """In force from now on, by a second person; the code's earlier revision is retired."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_adopt, row)
    model.TRANSITIONS.after("adopt", row.state)
    rules.check_content(await queries.content_of(act.session, row.id))
    await _retire_earlier(act, row)
    act.move(row, model.TRANSITIONS, "adopt")
    row.adopted_at, row.adopted_by = act.now, act.actor.account_id
    row.state_reason = reason
    act.record("evaluation_scheme.adopted", row, code=row.code, revision=row.revision)
    return row


async def _retire_earlier(act: Act, row: EvaluationScheme) -> None:
    buyer_id: Any = row.buyer_id
    earlier = await queries.take_effective(act, buyer_id, row.code)
    if earlier is None:
        return
    act.move(earlier, model.TRANSITIONS, "retire")
    earlier.state_reason = f"revision {row.revision}"
    act.record("evaluation_scheme.retired", earlier, by_id=row.id)
    await act.session.flush()


retire_scheme = plain_transition(
    EvaluationScheme,
    model.TRANSITIONS,
    "retire",
    event="evaluation_scheme.retired",
    visible=policy.visible,
    may=policy.may_retire,
    needs_reason=True,
)
