"""Each effect with its cause, in order; each word in treated once (INV-37, INV-38)."""

from typing import Any

from sqlalchemy import Select, Text, and_, cast, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.casework.visits.model import ChangeReport
from nexus.core.outbox import Event
from nexus.discovery.model import DiscoveryReport
from nexus.exchange.messages import model
from nexus.exchange.messages.news import queries as news
from nexus.exchange.messages.news.rules import CHANGE_REPORTED, OTHERS, REPLIED, told_kinds
from nexus.exchange.messages.queries import OUT
from nexus.exchange.webhooks.model import FeedCursor
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.referrals.model import Referral
from nexus.matching.replies.model import AuthorityReply
from nexus.needs.model import Need
from nexus.supervision.ledger.queries import finding

_M, _P, _T = model.ExchangeMessage, model.ExchangePartner, model.ExchangeThread


def _untold() -> Select[Any]:
    """Up to where the feed has been read: an event that its authority was never told of."""
    need, pledge, delivery = aliased(Need), aliased(Pledge), aliased(Delivery)
    referral = aliased(Referral)
    told = exists().where(_M.partner_id == _P.id, _M.event_id == Event.id, OUT)
    read = select(FeedCursor.xact, FeedCursor.position).where(FeedCursor.name == news.CURSOR)
    place = read.subquery()
    wrong = finding(Event.id, "an authority was not told of this event", position=Event.position)
    found = news.about(Event, need, pledge, delivery, referral).join(
        _P, _P.organization_id == need.publisher_id
    )
    return found.with_only_columns(  # type: ignore[no-any-return]
        *wrong.selected_columns
    ).where(
        Event.kind.in_(told_kinds()),
        _P.state != model.PartnerState.CLOSED,
        Event.xact >= _P.since_xact,
        tuple_(Event.xact, Event.position)
        <= select(place.c.xact, place.c.position).scalar_subquery(),
        ~told,
    )


def _untold_changes() -> Select[Any]:
    """The same of changes in households, and the authority that recognised them."""
    report = aliased(ChangeReport)
    told = exists().where(_M.partner_id == _P.id, _M.event_id == Event.id, OUT)
    read = select(FeedCursor.xact, FeedCursor.position).where(FeedCursor.name == news.CURSOR)
    place = read.subquery()
    wrong = finding(Event.id, "an authority was not told of this change", position=Event.position)
    return (
        wrong.join(report, and_(Event.object_type == "change_report", report.id == Event.object_id))
        .join(_P, _P.organization_id == report.authority_id)
        .where(
            Event.kind == CHANGE_REPORTED,
            _P.state != model.PartnerState.CLOSED,
            Event.xact >= _P.since_xact,
            tuple_(Event.xact, Event.position)
            <= select(place.c.xact, place.c.position).scalar_subquery(),
            ~told,
        )
    )


def _unanswered() -> Select[Any]:
    """Up to where the feed has been read: a hotline that was not told how its ticket stands.

    Of tickets that the authority's own people or machine brought: whose the others are may change.
    """
    report, bringer = aliased(DiscoveryReport), aliased(Account)
    told = exists().where(_M.event_id == Event.id, OUT)
    place = (
        select(FeedCursor.xact, FeedCursor.position)
        .where(FeedCursor.name == news.CURSOR)
        .subquery()
    )
    return (
        finding(Event.id, "a hotline was not told of this reply", position=Event.position)
        .join(report, report.id == Event.object_id)
        .join(bringer, bringer.id == report.created_by)
        .join(_P, _P.organization_id == bringer.organization_id)
        .where(
            Event.kind == REPLIED,
            _P.state != model.PartnerState.CLOSED,
            Event.xact >= _P.since_xact,
            tuple_(Event.xact, Event.position)
            <= select(place.c.xact, place.c.position).scalar_subquery(),
            ~told,
        )
    )


def _without_cause() -> Select[Any]:
    return (
        finding(_M.id, "a message says another thing than the event that caused it")
        .join(Event, Event.id == _M.event_id)
        .where(
            or_(Event.kind != _M.kind, Event.kind.not_in([*told_kinds(), *OTHERS])),
        )
    )


def _numbered() -> Select[Any]:
    """Ours count without a gap: whoever receives them sees what is missing."""
    counted = (
        select(
            _M.thread_id,
            func.count().label("messages"),
            func.max(_M.sequence).label("highest"),
        )
        .where(OUT)
        .group_by(_M.thread_id)
        .subquery()
    )
    messages = func.coalesce(counted.c.messages, 0)
    highest = func.coalesce(counted.c.highest, 0)
    return (
        finding(_T.id, "a household's messages are not counted without a gap", told=_T.sent)
        .outerjoin(counted, counted.c.thread_id == _T.id)
        .where(or_(messages != _T.sent, highest != _T.sent))
    )


def _out_of_order() -> Select[Any]:
    """A later one went out while an earlier one, never given up, still waits."""
    earlier = aliased(_M)
    return finding(_M.id, "a message went out before an earlier one of its household").where(
        OUT,
        _M.sent_at.is_not(None) | (_M.state == model.MessageState.ACKED),
        exists().where(
            earlier.thread_id == _M.thread_id,
            earlier.direction == model.MessageDirection.OUT,
            earlier.state.in_(model.LIVE),
            earlier.died_at.is_(None),
            earlier.sequence < _M.sequence,
        ),
    )


def _hashed() -> Select[Any]:
    made = func.encode(func.sha256(func.convert_to(_M.body, literal("UTF8"))), literal("hex"))
    return finding(_M.id, "a message is not what its hash was made of").where(
        made != _M.payload_hash
    )


def _keys() -> Select[Any]:
    return (
        finding(func.min(cast(_M.id, Text)), "a key was used twice", messages=func.count())
        .group_by(_M.partner_id, _M.direction, _M.idempotency_key)
        .having(func.count() > 1)
    )


def _effects() -> Select[Any]:
    return (
        finding(func.min(cast(_M.id, Text)), "an effect was caused twice", messages=func.count())
        .where(_M.reply_id.is_not(None))
        .group_by(_M.reply_id)
        .having(func.count() > 1)
    )


def _replies() -> Select[Any]:
    """A reply stands in the name of the authority that sent it, for the message it came with."""
    came = (
        exists()
        .where(
            _M.reply_id == AuthorityReply.id,
            _M.need_id == AuthorityReply.need_id,
            _P.id == _M.partner_id,
            _P.organization_id == AuthorityReply.authority_id,
        )
        .correlate(AuthorityReply)
    )
    return finding(
        AuthorityReply.id, "a reply that no message brought", sequence=AuthorityReply.sequence
    ).where(~came)


CHECKS: dict[str, Select[Any]] = {
    "INV-37 each event is told": _untold(),
    "INV-37 each hotline is answered": _unanswered(),
    "INV-37 each change is told": _untold_changes(),
    "INV-37 a message has its cause": _without_cause(),
    "INV-37 messages are counted without a gap": _numbered(),
    "INV-37 a household's order is kept": _out_of_order(),
    "INV-38 a message is what it was": _hashed(),
    "INV-38 each key once": _keys(),
    "INV-38 each effect once": _effects(),
    "INV-38 a reply came with a message": _replies(),
}
