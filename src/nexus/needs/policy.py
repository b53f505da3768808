"""Who sees needs, what of them, and who moves them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, any_, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.casework.cases import policy as cases
from nexus.casework.cases.model import OPEN, Case
from nexus.needs import model
from nexus.organizations.model import Organization
from nexus.organizations.queries import is_verified
from nexus.recipients.merging.queries import canonical_household
from nexus.recipients.model import Consent, Household
from nexus.recipients.queries import consent_allows

STAFF = GOVERNMENT | STATION
CREATORS = STATION | EVERYWHERE | {Role.GOV_CLERK, Role.GOV_APPROVER}
_VERIFIERS = frozenset({Role.GOV_APPROVER, Role.STATION_LEAD})
_PUBLISHERS = frozenset({Role.GOV_CLERK, Role.GOV_APPROVER})
_CONFIRMERS = GOVERNMENT | {Role.STATION_LEAD, Role.SOCIAL_WORKER}
_LEADS = GOVERNMENT | {Role.STATION_LEAD}

D1 = "D1"
"""The data class of a need without identity (domain.md 8.9)."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The territory and the publisher see all; others what is published to them (INV-11..13)."""
    if actor.role in EVERYWHERE:
        return true()
    shown = _to_everybody(actor, row)
    if actor.role in CHARITY:
        shown = or_(shown, _to_partners(actor, row))
    if actor.role in TERRITORIAL:
        return or_(may_read_detail(actor, row), shown)
    return shown


def line_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the need."""
    need = aliased(model.Need)
    return exists().where(need.id == row.need_id, visible(actor, need))


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The history of a need is for those who see its detail."""
    need = aliased(model.Need)
    seen = _as_sql(may_read_detail(actor, need))
    return and_(row.object_type == "need", exists().where(need.id == row.object_id, seen))


def may_read_detail(actor: Actor, row: Any) -> Any:
    """Above class D1: the territory, and the publishing authority but for a station's staff."""
    if actor.role in EVERYWHERE:
        return True
    if actor.role not in TERRITORIAL:
        return False
    near = actor.covers(row.area_code)
    return near if actor.role in STATION else near | (row.publisher_id == actor.organization_id)


def may_read_text(actor: Actor, row: Any) -> Any:
    """What staff wrote about the subject: as the detail, but not for who runs the platform."""
    return False if actor.role is Role.PLATFORM_ADMIN else may_read_detail(actor, row)


def may_read_line_area(actor: Actor, row: Any) -> Any:
    """The fine area of a line, as that of its need."""
    need = aliased(model.Need)
    return exists().where(need.id == row.need_id, _as_sql(may_read_detail(actor, need)))


def may_read_line_text(actor: Actor, row: Any) -> Any:
    """What staff wrote beside a line or a tranche, as the text of its need."""
    need = aliased(model.Need)
    return exists().where(need.id == row.need_id, _as_sql(may_read_text(actor, need)))


def may_read_place(actor: Actor, row: Any) -> Any:
    """The station of a person's need would tell the town: outside, only a group's is shown."""
    return _as_sql(may_read_detail(actor, row)) | (row.subject_kind == model.SubjectKind.GROUP)


def may_read_publisher(actor: Actor, row: Any) -> Any:
    """The authority, unless its own division is finer than the one shown (INV-13)."""
    authority = aliased(Organization)
    coarse = exists().where(
        authority.id == row.publisher_id,
        or_(
            authority.area_code == "CN", func.starts_with(row.shown_area_code, authority.area_code)
        ),
    )
    return may_read_place(actor, row) | coarse


def may_create(actor: Actor, area_code: str) -> bool:
    """Stations, clerks and approvers of the territory; imports."""
    return actor.role in CREATORS and bool(actor.covers(area_code))


def may_update(actor: Actor, row: Any) -> Any:
    """Whoever may create there."""
    return _in_territory(actor, row, CREATORS)


def may_link_case(actor: Actor, row: Any) -> Any:
    """Who does case work, in their territory; that they see the case is its own rule."""
    return _in_territory(actor, row, frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER}))


def may_link_case_now(actor: Actor, row: Any) -> Any:
    """As linking, of a need that is not at its end, where the household has a case one sees."""
    answer = may_link_case(actor, row)
    if answer is False:
        return False
    ended = [state for state in model.NeedState if not model.TRANSITIONS.verbs(state)]
    file = aliased(Case)
    open_case = exists().where(
        file.household_id == row.household_id, file.state.in_(OPEN), cases.visible(actor, file)
    )
    return answer & open_case & row.state.not_in(ended)


def has_case(actor: Actor, household_id: Any) -> ColumnElement[bool]:
    """SQL: the actor sees a case of the household, under whichever of its records."""
    file, home = aliased(Case), aliased(Household)
    kept = canonical_household(household_id)
    homes = select(home.id).where(or_(home.id == kept, home.merged_into_id == kept))
    return exists().where(file.household_id.in_(homes), cases.visible(actor, file))


def may_submit(actor: Actor, row: Any) -> Any:
    """Whoever may create there."""
    return _in_territory(actor, row, CREATORS)


def may_verify(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER or STATION_LEAD of the territory, never the creator (INV-18)."""
    if actor.role not in _VERIFIERS:
        return False
    return actor.covers(row.area_code) & (row.created_by != actor.account_id)


def may_return(actor: Actor, row: Any) -> Any:
    """As verify."""
    return may_verify(actor, row)


def may_reject(actor: Actor, row: Any) -> Any:
    """As verify."""
    return may_verify(actor, row)


def may_publish(actor: Actor, row: Any) -> Any:
    """GOV_CLERK or GOV_APPROVER of the territory."""
    return _in_territory(actor, row, _PUBLISHERS)


def may_publish_provisionally(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER or STATION_LEAD of the territory, before anybody verified it (T15c)."""
    return _in_territory(actor, row, _VERIFIERS)


def may_verify_later(actor: Actor, row: Any) -> Any:
    """As verify: never the creator (INV-18)."""
    return may_verify(actor, row)


def may_verify_later_now(actor: Actor, row: Any) -> Any:
    """As verify later, while the need is published without verification."""
    answer = may_verify_later(actor, row)
    return answer if answer is False else answer & row.provisional


def may_release_tranche(actor: Actor, row: Any) -> Any:
    """The owner, or a lead or official of the territory."""
    return _owned_or_held(actor, row, _LEADS)


def may_release_tranche_now(actor: Actor, row: Any) -> Any:
    """As release tranche, while a tranche of the need is held."""
    answer = may_release_tranche(actor, row)
    line = aliased(model.NeedLine)
    return answer if answer is False else answer & exists().where(line.need_id == row.id, line.held)


def may_release(actor: Actor, row: Any) -> Any:
    """Who runs an import vouches for its reviewed rows: administration and government."""
    return _in_territory(actor, row, EVERYWHERE | GOVERNMENT)


def may_pause(actor: Actor, row: Any) -> Any:
    """The owner, the government of the territory, the clocks of nexus."""
    if actor.role is Role.SYSTEM:
        return True
    return _owned_or_held(actor, row, GOVERNMENT)


def may_resume(actor: Actor, row: Any) -> Any:
    """As pause."""
    return may_pause(actor, row)


def may_change_quantity(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER of the territory."""
    return _in_territory(actor, row, frozenset({Role.GOV_APPROVER}))


def may_confirm(actor: Actor, row: Any) -> Any:
    """Who works with the person: the territory's government, station leads and social workers."""
    return _in_territory(actor, row, _CONFIRMERS)


def may_confirm_now(actor: Actor, row: Any) -> Any:
    """As confirm, while the need waits for it."""
    answer = may_confirm(actor, row)
    return answer if answer is False else answer & (row.confirm_needed | _changed(row))


def _changed(row: Any) -> Any:
    column = row.changed_at
    return column.is_not(None) if hasattr(column, "is_not") else column is not None


def may_close(actor: Actor, row: Any) -> Any:
    """The owner, or a lead or official of the territory as the second person."""
    return _owned_or_held(actor, row, _LEADS)


def may_reopen(actor: Actor, row: Any) -> Any:
    """STATION_LEAD or the government of the territory."""
    return _in_territory(actor, row, _LEADS)


def may_cancel(actor: Actor, row: Any) -> Any:
    """The owner, or a lead or official of the territory."""
    return may_close(actor, row)


def _in_territory(actor: Actor, row: Any, roles: frozenset[Role]) -> Any:
    return actor.covers(row.area_code) if actor.role in roles else False


def _owned_or_held(actor: Actor, row: Any, roles: frozenset[Role]) -> Any:
    if actor.role not in STAFF:
        return False
    owned = row.owner_id == actor.account_id
    return owned | actor.covers(row.area_code) if actor.role in roles else owned


def _as_sql(answer: Any) -> Any:
    if isinstance(answer, bool):
        return true() if answer else false()
    return answer


def _to_everybody(actor: Actor, row: Any) -> ColumnElement[bool]:
    return and_(
        row.state == model.NeedState.PUBLISHED,
        row.visibility == model.Visibility.PUBLIC,
        _within_period(actor, row),
        or_(row.subject_kind == model.SubjectKind.GROUP, _consented(actor, row, "PUB", None)),
    )


def _to_partners(actor: Actor, row: Any) -> ColumnElement[bool]:
    """To charities of a verified organization; paused and closed needs stay in their view."""
    told = row.state.in_((model.NeedState.PAUSED, model.NeedState.CLOSED))
    consent = aliased(Consent)
    named = exists().where(
        consent.id == row.consent_id, any_(consent.receiver_ids) == actor.organization_id
    )
    open_to = (model.Visibility.PUBLIC, model.Visibility.PARTNERS)
    return and_(
        or_(and_(row.state == model.NeedState.PUBLISHED, _within_period(actor, row)), told),
        or_(row.visibility.in_(open_to), and_(row.visibility == model.Visibility.NAMED, named)),
        or_(
            row.subject_kind == model.SubjectKind.GROUP,
            _consented(actor, row, "MATCH", actor.organization_id),
            _consented(actor, row, "PUB", actor.organization_id),
        ),
        is_verified(actor.organization_id),
    )


def _within_period(actor: Actor, row: Any) -> ColumnElement[bool]:
    today = actor.today()
    return and_(
        or_(row.publish_from.is_(None), row.publish_from <= today),
        or_(row.publish_until.is_(None), row.publish_until > today),
    )


def _consented(actor: Actor, row: Any, purpose: str, receiver_id: Any) -> ColumnElement[bool]:
    """A live consent to the purpose, and no protected address that the visibility forgets (D7).

    While a need is out on a legal basis it has no consent yet (T15c).
    """
    household = aliased(Household)
    # A scalar subquery by the key: under an OR the planner would hash all of an EXISTS.
    protected = (
        select(household.address_protected)
        .where(household.id == row.household_id)
        .correlate_except(household)
        .scalar_subquery()
    )
    return and_(
        or_(
            row.legal_basis.is_not(None),
            consent_allows(
                row.consent_id,
                purpose=purpose,
                data_class=D1,
                receiver_id=receiver_id,
                now=actor.now,
            ),
        ),
        or_(
            row.visibility == model.Visibility.NAMED,
            protected.is_not(True),
        ),
    )
