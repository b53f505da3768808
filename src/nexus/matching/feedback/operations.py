"""Giving feedback, and dealing with it."""

from uuid import UUID

from nexus.acting import Act, plain_transition
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.matching.deliveries import policy as delivery_policy
from nexus.matching.feedback import model, policy, rules
from nexus.matching.pledges.model import Delivery
from nexus.matching.pledges.policy import PLEDGERS
from nexus.needs import policy as need_policy
from nexus.needs.model import Need, NeedState

HEARD = (NeedState.PUBLISHED, NeedState.PAUSED, NeedState.CLOSED)


async def give_feedback(
    act: Act,
    *,
    need_id: UUID | None = None,
    delivery_id: UUID | None = None,
    rating: int | None = None,
    text: str | None = None,
    wants_call_back: bool = False,
) -> model.Feedback:
    """A word on a need, or on one delivery of it. The role decides whose word it is.

    Stations bring the recipient's, charities their own on their own deliveries, authorities theirs.
    """
    source = policy.SOURCES.get(act.actor.role)
    if source is None:
        raise Forbidden(f"Role {act.actor.role.name} gives no feedback: a station records it.")
    said = rules.check_feedback(rating, text, wants_call_back)
    about = await _need_of(act, need_id, delivery_id)
    row = model.Feedback(
        need_id=about,
        delivery_id=delivery_id,
        source=source,
        rating=rating,
        text=said,
        wants_call_back=wants_call_back,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record(
        "feedback.given",
        row,
        need_id=about,
        delivery_id=delivery_id,
        source=source,
        rating=rating,
    )
    return row


async def _need_of(act: Act, need_id: UUID | None, delivery_id: UUID | None) -> UUID:
    if delivery_id is not None:
        delivery = await act.find(Delivery, delivery_id, visible=delivery_policy.visible)
        if need_id is not None and need_id != delivery.need_id:
            raise GuardFailed("That delivery is of another need.", field="deliveryId")
        return delivery.need_id
    if need_id is None or act.actor.role in PLEDGERS:
        raise GuardFailed("Say which delivery this is about.", field="deliveryId")
    need = await act.find(Need, need_id, visible=need_policy.visible)
    if need_policy.may_read_detail(act.actor, need) is not True:
        raise Forbidden("Feedback on a need is given in its own territory.")
    if need.state not in HEARD:
        raise GuardFailed(f"The need is {need.state}: there is no help to speak of yet.")
    return need.id


read_feedback = plain_transition(
    model.Feedback,
    model.TRANSITIONS,
    "read",
    event="feedback.read",
    visible=policy.visible,
    may=policy.may_read,
)
handle_feedback = plain_transition(
    model.Feedback,
    model.TRANSITIONS,
    "handle",
    event="feedback.handled",
    visible=policy.visible,
    may=policy.may_handle,
    needs_reason=True,
)
