"""Coverage as SQL, and what the operations of needs must know."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    any_,
    case,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, View
from nexus.areas.model import CodeEntry
from nexus.needs import model, policy
from nexus.recipients.merging.queries import canonical_household
from nexus.recipients.model import Consent, ConsentState, Household, Recipient, Recognition
from nexus.recipients.queries import LIVE_RECOGNITION
from nexus.recipients.rules import kind_of

LIVE = (model.NeedState.VERIFIED, model.NeedState.PUBLISHED, model.NeedState.PAUSED)
"""States in which help may come, or come again."""


def live_quantity(line: Any) -> ColumnElement[Any]:
    """SQL: what allocations bind to the line, in any bucket."""
    return line.reserved + line.committed + line.delivered + line.confirmed  # type: ignore[no-any-return]


def open_quantity(line: Any) -> ColumnElement[Any]:
    """SQL: what nobody has taken up yet; null for an open-ended line."""
    return line.quantity_required - live_quantity(line)  # type: ignore[no-any-return]


def line_is_open(line: Any) -> ColumnElement[bool]:
    """SQL: more can be pledged: the need is published and the line open-ended or not yet full."""
    return and_(
        line.published, or_(line.quantity_required.is_(None), open_quantity(line) > _number(0))
    )


def line_step(line: Any) -> ColumnElement[int]:
    """SQL: the line's coverage as its place in `Coverage`, from 0 to 5.

    An open-ended line never counts as full: it is at most partly delivered.
    """
    required, live = line.quantity_required, live_quantity(line)
    arrived = line.delivered + line.confirmed
    return case(
        (live == _number(0), _number(0)),
        (line.confirmed >= required, _number(5)),
        (arrived >= required, _number(4)),
        (arrived > _number(0), _number(3)),
        (live >= required, _number(2)),
        else_=_number(1),
    )


def need_step(need: Any) -> ColumnElement[int]:
    """SQL: the coverage of the whole need: complete steps hold for every line, partial for any."""
    line = aliased(model.NeedLine)
    step = line_step(line)
    least, most = func.min(step), func.max(step)
    summed = case(
        (least >= _number(4), least),
        (most >= _number(3), _number(3)),
        (least >= _number(2), _number(2)),
        (most >= _number(1), _number(1)),
        else_=_number(0),
    )
    of_need = (line.need_id == need.id, line.asked)
    return select(summed).where(*of_need).correlate_except(line).scalar_subquery()


def named(step: ColumnElement[int]) -> ColumnElement[str]:
    """SQL: the step's name in capitals, as the graph shows it."""
    names = ", ".join(f"'{value.name}'" for value in model.Coverage)
    listed = literal_column(f"(ARRAY[{names}])", ARRAY(Text()))
    return listed[step + _number(1)]


def need_is_open(need: Any) -> ColumnElement[bool]:
    """SQL: published, with a line that more can be pledged to."""
    line = aliased(model.NeedLine)
    some = select(func.bool_or(line_is_open(line))).where(line.need_id == need.id)
    return func.coalesce(some.correlate_except(line).scalar_subquery(), false())


def in_category(need: Any, codes: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL: the need's category is one of the codes (a text array), or a subcategory of one.

    The subcategories are looked up first: a list of codes is what the category's index can find.
    """
    entry = aliased(CodeEntry)
    below = select(entry.code).where(
        entry.list_name == "need_category", entry.parent == codes.any_()
    )
    listed = union_all(select(func.unnest(codes)), below.correlate_except(entry))
    spelled: Any = func.array(listed.scalar_subquery(), type_=ARRAY(Text()))
    return need.category == spelled.any_()  # type: ignore[no-any-return]


def asks_for_kind(need: Any, kinds: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL: a line of the need is of one of the kinds (a text array)."""
    line = aliased(model.NeedLine)
    return exists().where(line.need_id == need.id, line.kind == kinds.any_())


async def take_need(act: Act, row_id: UUID, expected_version: int | None = None) -> model.Need:
    """The need, visible and locked. Its lines come after it."""
    return await act.take(
        model.Need, row_id, visible=policy.visible, expected_version=expected_version
    )


async def take_lines(session: AsyncSession, need_id: UUID) -> list[model.NeedLine]:
    """The need's lines by position, locked in the order of their ids. Take the need first.

    The lock leaves the key alone: a pledge that refers to the line waits for the need, not for it.
    """
    found = await session.execute(
        select(model.NeedLine)
        .where(model.NeedLine.need_id == need_id)
        .order_by(model.NeedLine.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return sorted(found.scalars(), key=lambda line: line.position)


async def take_published_under(session: AsyncSession, consent_id: UUID) -> list[model.Need]:
    """The published needs that rest on the consent, locked in the order of their ids."""
    found = await session.execute(
        select(model.Need)
        .where(model.Need.consent_id == consent_id, model.Need.state == model.NeedState.PUBLISHED)
        .order_by(model.Need.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def take_live_of(
    session: AsyncSession, recognition: Recognition, *, with_household: bool
) -> list[model.Need]:
    """The needs of its subject that are verified, published or paused and not frozen yet; locked.

    A household's are its own and its members'; a person's are theirs, and `with_household` those
    of the household they live in.
    """
    need = model.Need
    if recognition.household_id is not None:
        subject = need.household_id == recognition.household_id
    else:
        subject = need.recipient_id == recognition.recipient_id
        if with_household:
            home = select(Recipient.household_id).where(Recipient.id == recognition.recipient_id)
            own = and_(
                need.household_id == home.scalar_subquery(),
                need.subject_kind == model.SubjectKind.HOUSEHOLD,
            )
            subject = or_(subject, own)
    found = await session.execute(
        select(need)
        .where(subject, need.state.in_(LIVE), ~need.confirm_needed)
        .order_by(need.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def take_open_of_household(session: AsyncSession, household_id: UUID) -> list[model.Need]:
    """The needs of a household and its people, also under merged records, that are open; locked."""
    need, home, person = model.Need, Household, Recipient
    stays = canonical_household(household_id)
    homes = select(home.id).where(or_(home.id == stays, home.merged_into_id == stays))
    people = select(person.id).where(person.household_id.in_(homes))
    found = await session.execute(
        select(need)
        .where(
            or_(need.household_id.in_(homes), need.recipient_id.in_(people)),
            need.state.in_((model.NeedState.SUBMITTED, *LIVE)),
        )
        .order_by(need.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def is_still_recognised(view: View, recognition: Recognition) -> bool:
    """Whether another recognition of the same kind holds today for the same subject."""
    today = view.actor.today()
    row = Recognition
    others = await view.session.scalars(
        select(row.category).where(
            row.id != recognition.id,
            row.household_id == recognition.household_id
            if recognition.household_id
            else row.recipient_id == recognition.recipient_id,
            row.state.in_(LIVE_RECOGNITION),
            row.valid_from <= today,
            or_(row.valid_to.is_(None), row.valid_to > today),
        )
    )
    return kind_of(recognition.category) in map(kind_of, others)


async def take_expired(session: AsyncSession, today: date) -> list[model.Need]:
    """Up to 500 published needs whose period is over, locked; rows in other hands are left."""
    found = await session.execute(
        select(model.Need)
        .where(model.Need.state == model.NeedState.PUBLISHED, model.Need.publish_until <= today)
        .order_by(model.Need.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    return list(found.scalars())


async def is_consent_of(session: AsyncSession, need: model.Need, consent_id: UUID) -> bool:
    """Whether the consent is the recipient's, or one of a member of the household."""
    found = select(Consent.id).where(Consent.id == consent_id)
    if need.subject_kind is model.SubjectKind.RECIPIENT:
        found = found.where(Consent.recipient_id == need.recipient_id)
    else:
        members = select(Recipient.id).where(Recipient.household_id == need.household_id)
        found = found.where(Consent.recipient_id.in_(members))
    return (await session.execute(found)).first() is not None


async def is_refused(session: AsyncSession, need: model.Need) -> bool:
    """Whether the last word of somebody behind the need about publication was no."""
    last = (
        select(Consent.state)
        .where(_behind(need), any_(Consent.purposes) == "PUB")
        .ext(distinct_on(Consent.recipient_id))
        .order_by(Consent.recipient_id, Consent.created_at.desc())
    )
    return bool({ConsentState.REFUSED, ConsentState.WITHDRAWN} & set(await session.scalars(last)))


def _behind(need: model.Need) -> ColumnElement[bool]:
    if need.subject_kind is model.SubjectKind.RECIPIENT:
        return Consent.recipient_id == need.recipient_id
    members = select(Recipient.id).where(Recipient.household_id == need.household_id)
    return Consent.recipient_id.in_(members)


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value))
