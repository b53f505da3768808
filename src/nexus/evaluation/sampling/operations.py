"""Committing to a sample, drawing it, voiding it, and what was found."""

from uuid import UUID

from nexus.acting import Act, plain_transition
from nexus.core.drawing import draw, frame_hash, new_seed
from nexus.core.refusals import GuardFailed, Invalid
from nexus.evaluation.evaluations import queries as evaluations
from nexus.evaluation.evaluations.model import SCORING
from nexus.evaluation.sampling import model, policy, queries, rules
from nexus.evaluation.sampling.model import EvaluationSample, SampleFindingKind, SampleItem


async def commit_sample(
    act: Act, evaluation_id: UUID, *, expected_version: int, size: int
) -> EvaluationSample:
    """Seed and frame are fixed, and their hashes told. Nobody knows the seed, nobody chose it."""
    made = await evaluations.take(act, evaluation_id, expected_version)
    act.permit(policy.may_commit, made)
    if made.state not in SCORING:
        raise GuardFailed(f"The evaluation is {made.state.value}: samples are drawn while it runs.")
    if await queries.is_live(act.session, made.id):
        raise GuardFailed(
            "A sample is committed already: draw it, or void it with a reason.", rule="one_sample"
        )
    frame = await evaluations.frame_of(act.session, made)
    seed = new_seed()
    row = EvaluationSample(
        id=act.row_id,
        evaluation_id=made.id,
        evaluator_id=made.evaluator_id,
        size=rules.check_size(size, len(frame)),
        frame=frame,
        frame_hash=frame_hash(frame),
        commitment=rules.commitment(seed),
        seed=seed,
        committed_at=act.now,
        committed_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record(
        "evaluation_sample.committed",
        row,
        commitment=row.commitment,
        frame_hash=row.frame_hash,
        frame=len(frame),
        size=row.size,
    )
    return row


async def draw_sample(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> EvaluationSample:
    """The seed is told and the facts are drawn. FrameChanged where they are not those any more."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_draw, row)
    made = await queries.evaluation_of(act.session, row)
    model.TRANSITIONS.after("draw", row.state)
    frame = await evaluations.frame_of(act.session, made)
    rules.check_frame(row.frame_hash, frame_hash(frame), len(row.frame), len(frame))
    act.move(row, model.TRANSITIONS, "draw")
    row.drawn_at, row.drawn_by, row.state_reason = act.now, act.actor.account_id, reason
    act.session.add_all(
        SampleItem(sample_id=row.id, position=place, fact_id=UUID(key))
        for place, key in enumerate(draw(row.seed, frame, row.size), start=1)
    )
    await act.session.flush()
    act.record("evaluation_sample.drawn", row, seed=row.seed, size=row.size)
    return row


void_sample = plain_transition(
    EvaluationSample,
    model.TRANSITIONS,
    "void",
    event="evaluation_sample.voided",
    visible=policy.visible,
    may=policy.may_void,
    needs_reason=True,
)


async def record_sample_finding(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    position: int,
    finding: SampleFindingKind,
    note: str | None = None,
) -> EvaluationSample:
    """What the evaluator found of a fact that was drawn, while the evaluation runs."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_find, row)
    model.TRANSITIONS.after("find", row.state)
    made = await queries.evaluation_of(act.session, row)
    if made.state not in SCORING:
        raise GuardFailed(f"The evaluation is {made.state.value}: findings belong before that.")
    item = await queries.item(act.session, row.id, position)
    if item is None:
        raise Invalid(f"Nothing was drawn at place {position}.", field="position")
    item.note = rules.check_note(note, needed=finding is not SampleFindingKind.CONFIRMED)
    item.finding, item.found_at, item.found_by = finding, act.now, act.actor.account_id
    act.move(row, model.TRANSITIONS, "find")
    act.record("evaluation_sample.found", row, position=position, finding=finding)
    return row
