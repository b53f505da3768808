"""What the authority answered, in the graph."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, func, or_, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    computed,
    extend,
    node,
    query,
    register_enums,
    to_many,
    to_one,
)
from nexus.matching.deliveries.graphql import Delivery
from nexus.matching.pledges.graphql import NEWEST, Pledge, of
from nexus.matching.pledges.model import Delivery as DeliveryRow
from nexus.matching.replies import model, policy
from nexus.needs.graphql import Need
from nexus.organizations.graphql import Organization

register_enums(model.ReplyStatus, model.ReplyReason)


@node(model.AuthorityReply, visible=policy.visible)
class AuthorityReply:
    """What the publishing authority answered, of a need or of a delivery."""

    status: model.ReplyStatus
    reason: model.ReplyReason | None
    sequence: int
    late: bool
    happened_at: datetime
    created_at: datetime
    need: Need | None = to_one(model.AuthorityReply.need_id)
    delivery: Delivery | None = to_one(model.AuthorityReply.delivery_id)
    authority: Organization | None = to_one(model.AuthorityReply.authority_id)


def _standing(actor: Actor, pledge: Any) -> ColumnElement[Any]:
    """The status with the highest sequence, of the need or of the pledge's own deliveries."""
    reply, delivery = aliased(model.AuthorityReply), aliased(DeliveryRow)
    own = select(delivery.id).where(delivery.pledge_id == pledge.id).correlate_except(delivery)
    last = (
        select(func.upper(reply.status))
        .where(
            reply.need_id == pledge.need_id,
            reply.late == false(),
            or_(reply.delivery_id.is_(None), reply.delivery_id.in_(own)),
        )
        .order_by(reply.sequence.desc(), reply.id.desc())
        .limit(1)
    )
    return last.correlate_except(reply).scalar_subquery()


@extend(Need)
class NeedReplies:
    authority_replies: Connection[AuthorityReply] = to_many(
        model.AuthorityReply.need_id,
        order=NEWEST,
        about="What the publishing authority answered, the latest first.",
    )


@extend(Delivery)
class DeliveryReplies:
    authority_replies: Connection[AuthorityReply] = to_many(
        model.AuthorityReply.delivery_id, order=NEWEST
    )


@extend(Pledge)
class PledgeStanding:
    authority_status: model.ReplyStatus | None = computed(
        _standing,
        about="What the authority said last of the need or of the help given under this pledge.",
    )


@query
class ReplyQuery:
    authority_replies: Connection[AuthorityReply] = collection(
        "AuthorityReply",
        orders={"NEWEST": NEWEST},
        filters={
            "status": any_of(model.AuthorityReply.status),
            "need": of(model.AuthorityReply.need_id, "Need"),
        },
        about="Answers of authorities on the needs of your territory, or that you help with.",
    )
