"""The hard filters as SQL: what an offer asks of a line, and of the person behind it."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, and_, cast, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, Actor
from nexus.areas.model import CodeEntry
from nexus.organizations.model import Organization
from nexus.recipients.model import Recipient, Recognition
from nexus.recipients.queries import LIVE_RECOGNITION, consent_allows

MATCH = "MATCH"
_ONE = literal_column("1", Integer())
DE_IDENTIFIED, IDENTITY, ECONOMY, HEALTH = "D1", "D3", "D4", "D5"


def owner_verified(offer: Any) -> ColumnElement[bool]:
    """SQL: the offer's organization is verified now."""
    owner = aliased(Organization)
    state = select(owner.state).where(owner.id == offer.organization_id).correlate_except(owner)
    return state.scalar_subquery() == literal_column("'verified'")


def item_key_fits(offered: Any, asked: Any) -> ColumnElement[bool]:
    """SQL: the offer names no item (''), or the two are equal or one is a group of the other."""
    dot = literal_column("'.'", Text())
    return or_(
        offered == literal_column("''"),
        offered == asked,
        func.starts_with(asked, offered.concat(dot)),
        func.starts_with(offered, asked.concat(dot)),
    )


def in_time(offer: Any, need: Any, today: Any) -> ColumnElement[bool]:
    """SQL: the offer's period meets today … needed_by (an overdue need waits today)."""
    latest = func.greatest(need.needed_by, today)
    return and_(
        or_(need.needed_by.is_(None), offer.available_from <= latest),
        or_(offer.available_to.is_(None), offer.available_to > today),
    )


def passes(actor: Actor, offer: Any, need: Any) -> ColumnElement[bool]:
    """SQL: consent to matching is live, and the people behind the need are whom the offer is for.

    A need that is out on a legal basis has no consent yet (T15c).

    To a charity a condition on persons counts only where the consent to matching covers its class
    of data: otherwise narrow offers would be questions about a person (INV-11).
    """
    is_group = need.subject_kind == literal_column("'group'")
    return and_(
        or_(
            is_group,
            need.legal_basis.is_not(None),
            _to_all(actor, need),
            _consented(actor, offer, need, DE_IDENTIFIED),
        ),
        _person_fits(actor, offer, need, is_group),
        _recognition_fits(actor, offer, need, is_group),
    )


def _to_all(actor: Actor, need: Any) -> ColumnElement[bool]:
    """SQL: the consent names no receiver. It asks nothing of the offer, so it is read first."""
    return consent_allows(
        need.consent_id,
        purpose=MATCH,
        data_class=DE_IDENTIFIED,
        receiver_id=None,
        now=actor.now,
    )


def _consented(actor: Actor, offer: Any, need: Any, data_class: str) -> ColumnElement[bool]:
    return consent_allows(
        need.consent_id,
        purpose=MATCH,
        data_class=data_class,
        receiver_id=offer.organization_id,
        now=actor.now,
    )


def _unless_hidden(
    actor: Actor, offer: Any, need: Any, data_class: str, condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    if actor.role not in CHARITY:
        return condition
    return or_(~_consented(actor, offer, need, data_class), condition)


def _members(need: Any) -> tuple[Any, ColumnElement[bool]]:
    """The person of the need, or everybody of its household."""
    person = aliased(Recipient)
    return person, or_(
        person.id == need.recipient_id,
        and_(need.recipient_id.is_(None), person.household_id == need.household_id),
    )


def _person_fits(
    actor: Actor, offer: Any, need: Any, is_group: ColumnElement[bool]
) -> ColumnElement[bool]:
    """SQL: age, gender and disability of one of them fit, as far as they are known.

    Only the year of birth is known, so the age is either of two: one that fits is enough.
    """
    person, belongs = _members(need)
    age = cast(func.date_part("year", actor.today()), Integer) - person.birth_year
    known = (
        or_(offer.min_age.is_(None), person.birth_year.is_(None), age >= offer.min_age),
        or_(offer.max_age.is_(None), person.birth_year.is_(None), age - _ONE <= offer.max_age),
        or_(
            offer.gender.is_(None),
            person.gender == literal_column("'unknown'"),
            cast(person.gender, Text) == offer.gender,
        ),
    )
    healthy = person.disability == literal_column("'none'")
    fits = and_(
        _unless_hidden(actor, offer, need, IDENTITY, and_(*known)),
        _unless_hidden(actor, offer, need, HEALTH, ~and_(offer.disability_only, healthy)),
    )
    asks = or_(
        offer.min_age.is_not(None),
        offer.max_age.is_not(None),
        offer.gender.is_not(None),
        offer.disability_only,
    )
    somebody = select(_ONE).where(belongs).correlate_except(person)
    return or_(~asks, and_(~is_group, or_(~somebody.exists(), somebody.where(fits).exists())))


def _recognition_fits(
    actor: Actor, offer: Any, need: Any, is_group: ColumnElement[bool]
) -> ColumnElement[bool]:
    """SQL: a recognition in force, of the person or the household, is of a category asked for."""
    person, belongs = _members(need)
    of_person, of_home = aliased(Recognition), aliased(Recognition)
    today = actor.today()
    by_person = (
        select(_ONE)
        .join_from(person, of_person, of_person.recipient_id == person.id)
        .where(belongs, _in_force(of_person, today), _listed(offer, of_person))
        .correlate_except(person, of_person)
    )
    by_home = (
        select(_ONE)
        .where(
            of_home.household_id == need.household_id,
            _in_force(of_home, today),
            _listed(offer, of_home),
        )
        .correlate_except(of_home)
    )
    asks = ~and_(_none(offer.tiers), _none(offer.recipient_categories))
    held = or_(by_person.exists(), by_home.exists())
    return or_(~asks, and_(~is_group, _unless_hidden(actor, offer, need, ECONOMY, held)))


def _in_force(word: Any, today: Any) -> ColumnElement[bool]:
    """SQL: the authority's word holds today, also under review and during the taper (T11b)."""
    states = [literal_column(f"'{state.value}'", Text()) for state in LIVE_RECOGNITION]
    return and_(
        word.state.in_(states),
        word.valid_from <= today,
        or_(word.valid_to.is_(None), word.valid_to > today),
    )


def _listed(offer: Any, word: Any) -> ColumnElement[bool]:
    """SQL: the recognition's category, or the one above it, is one the offer names; so its tier."""
    entry = aliased(CodeEntry)
    named = select(_ONE).where(
        entry.list_name == literal_column("'recipient_category'"),
        entry.code == word.category,
        or_(_none(offer.tiers), entry.tier == offer.tiers.any_()),
        or_(
            _none(offer.recipient_categories),
            entry.code == offer.recipient_categories.any_(),
            entry.parent == offer.recipient_categories.any_(),
        ),
    )
    return named.correlate_except(entry).exists()


def _none(codes: Any) -> ColumnElement[bool]:
    return func.cardinality(codes) == literal_column("0")
