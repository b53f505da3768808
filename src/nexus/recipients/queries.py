"""What others need to know: whether a consent covers a use, and by which name an organization
knows a person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    any_,
    exists,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from nexus.acting import View, system
from nexus.organizations.queries import is_verified
from nexus.recipients import model, rules

_R = model.RecognitionState
LIVE_RECOGNITION = (_R.ACTIVE, _R.UNDER_REVIEW, _R.TAPER)
"""States in which the authority's word holds; served during the taper too (T11b)."""


def consent_allows(
    consent_id: Any, *, purpose: Any, data_class: Any, receiver_id: Any, now: Any
) -> ColumnElement[bool]:
    """SQL, true while the consent stands for this use: it is read live, never remembered (INV-11).

    Granted; obtained and not yet at `expires_on`; the purpose and the class are named; the receiver
    is named, or the consent names none and the receiver is a verified organization. Without a
    receiver (None: publication to all) only a consent that names none will do. D7 and D8 never.
    Each argument may be a value or SQL.

    A scalar subquery by the primary key: for an EXISTS beneath an OR the planner would hash the
    whole table of consents to show one page.
    """
    row = aliased(model.Consent)
    to_all = func.cardinality(row.receiver_ids) == 0
    if receiver_id is None:
        receivers: ColumnElement[bool] = to_all
    else:
        named = any_(row.receiver_ids) == receiver_id
        receivers = or_(named, and_(to_all, is_verified(receiver_id)))
    standing = select(true()).where(
        row.id == consent_id,
        row.state == model.ConsentState.GRANTED,
        row.obtained_at <= now,
        row.expires_on > system(now).today(),
        any_(row.purposes) == purpose,
        any_(row.data_classes) == data_class,
        _shareable(data_class),
        receivers,
    )
    return func.coalesce(standing.correlate_except(row).scalar_subquery(), false())


def _shareable(data_class: Any) -> ColumnElement[bool]:
    if isinstance(data_class, str):
        return false() if data_class in rules.NEVER_SHARED else true()
    return data_class.not_in(rules.NEVER_SHARED)  # type: ignore[no-any-return]


def alias_of(recipient_id: Any, organization_id: Any) -> ScalarSelect[str | None]:
    """SQL: the name the organization knows the recipient by, or null."""
    row = aliased(model.RecipientAlias)
    return (
        select(row.alias)
        .where(row.recipient_id == recipient_id, row.organization_id == organization_id)
        .scalar_subquery()
    )


def has_category(
    recipient_id: Any, household_id: Any, categories: Sequence[str], on: Any
) -> ColumnElement[bool]:
    """SQL: the person or the household has one of the categories on that day."""
    row = aliased(model.Recognition)
    return exists().where(
        or_(row.recipient_id == recipient_id, row.household_id == household_id),
        row.category.in_(categories),
        row.state.in_(LIVE_RECOGNITION),
        row.valid_from <= on,
        or_(row.valid_to.is_(None), row.valid_to > on),
    )


async def conflicting_recognition(
    view: View, recognition: model.Recognition, household_id: UUID
) -> model.Recognition | None:
    """Another recognition that cannot hold beside this one, on any day of its period (INV-34).

    The same category of the same subject; or dibao beside tekun of one person, whose own
    categories and whose household's count together while they live in it. Records that were merged
    are one subject.
    """
    row = model.Recognition
    excluded = rules.excluded_by(recognition.category)
    circle = await circle_of(view, household_id, recognition.recipient_id, whole=bool(excluded))
    subject: ColumnElement[bool]
    if recognition.household_id is not None:
        subject, beside = row.household_id.in_(circle.homes), row.recipient_id.in_(circle.persons)
    else:
        subject, beside = row.recipient_id.in_(circle.persons), row.household_id.in_(circle.homes)
    clash = and_(subject, _of_kind(rules.kind_of(recognition.category)))
    if excluded:
        clash = or_(clash, and_(beside, _under(excluded)))
    found = await view.session.scalars(
        select(row)
        .where(
            clash,
            row.state != _R.ENTERED_IN_ERROR,
            row.id != recognition.id,
            func.daterange(row.valid_from, row.valid_to).bool_op("&&")(
                func.daterange(recognition.valid_from, recognition.valid_to)
            ),
        )
        .order_by(row.valid_from)
    )
    return next((one for one in found if circle.meets(recognition, one)), None)


@dataclass(frozen=True, slots=True)
class Circle:
    """The records of a household and its members, or of a person and where they live."""

    homes: frozenset[UUID]
    persons: Mapping[UUID, date]
    """Recipient → the day since which they live in one of the homes."""

    def meets(self, one: model.Recognition, other: model.Recognition) -> bool:
        """Whether they hold together of a person who lived there then, or of one subject."""
        if (one.household_id is None) == (other.household_id is None):
            return True
        person = one.recipient_id or other.recipient_id
        since = self.persons.get(person, date.min) if person else date.min
        return all(each.valid_to is None or each.valid_to > since for each in (one, other))


async def circle_of(
    view: View, household_id: UUID, recipient_id: UUID | None, *, whole: bool
) -> Circle:
    """Who is one subject with a person or a household: `whole`, with who lives there or where."""
    person, home = model.Recipient, model.Household
    if recipient_id is None:
        homes = set(await view.session.scalars(_joined(home, [household_id])))
        persons: dict[UUID, date] = {}
        if whole:
            members = await view.session.scalars(
                select(person.id).where(person.household_id.in_(homes))
            )
            persons = await _persons(view, list(members), homes)
        return Circle(frozenset(homes), persons)
    same = await view.session.scalars(_joined(person, [recipient_id]))
    records = list(same)
    homes = {household_id}
    if whole:
        lived = await view.session.scalars(
            select(person.household_id).where(person.id.in_(records))
        )
        homes = set(await view.session.scalars(_joined(home, [household_id, *lived])))
    return Circle(frozenset(homes), await _persons(view, records, homes))


async def _persons(view: View, ids: Sequence[UUID], homes: Collection[UUID]) -> dict[UUID, date]:
    """All records of the persons → since when one of them lives in the homes."""
    person = model.Recipient
    records = select(person.id, person.merged_into_id, person.household_id, person.moved_on).where(
        person.id.in_(_joined(person, ids))
    )
    found = (await view.session.execute(records)).all()
    since: dict[UUID, date] = {}
    for one in found:
        if one.household_id in homes:
            root, day = one.merged_into_id or one.id, one.moved_on or date.min
            since[root] = min(day, since.get(root, date.max))
    return {one.id: since.get(one.merged_into_id or one.id, date.min) for one in found}


def _joined(table: Any, ids: Sequence[UUID]) -> Select[Any]:
    """The records that stand for the same as one of these, these included (merging)."""
    one, other = aliased(table), aliased(table)
    root = func.coalesce(one.merged_into_id, one.id)
    return (
        select(other.id)
        .join(one, or_(other.id == root, other.merged_into_id == root))
        .where(one.id.in_(ids))
    )


def _of_kind(kind: str) -> ColumnElement[bool]:
    """The kind that may stand once at a time: the category, or dibao and tekun as one."""
    if kind == rules.EXCLUSIVE:
        return _under(kind.split("|"))
    return model.Recognition.category == kind


async def household_of(view: View, recognition: model.Recognition) -> UUID:
    """The household that the recognition is about, or whose member it is about."""
    if recognition.household_id is not None:
        return recognition.household_id
    recipient = await view.session.get_one(model.Recipient, recognition.recipient_id)
    return recipient.household_id


def _under(categories: Sequence[str]) -> ColumnElement[bool]:
    """The category or a subcategory of it: DB and DB-S."""
    return func.split_part(model.Recognition.category, "-", 1).in_(categories)
