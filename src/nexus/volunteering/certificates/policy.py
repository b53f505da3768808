"""Who sees certificates, who prepares them, and who issues and revokes them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, literal_column, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor, Role
from nexus.volunteering.certificates import model
from nexus.volunteering.hours.policy import REVIEWERS, own_volunteer
from nexus.volunteering.policy import ORGANIZERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The volunteer's own; the issuer's; those of the territory."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.VOLUNTEER:
        return and_(own_volunteer(actor, row.volunteer_id), row.issued_at.is_not(None))
    own = row.organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        return or_(actor.covers(row.area_code), own)
    return own if actor.role in ORGANIZERS else false()


def paper_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own request."""
    if actor.role in EVERYWHERE:
        return true()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the certificate it is about."""
    certificate = aliased(model.Certificate)
    seen = exists().where(certificate.id == row.object_id, visible(actor, certificate))
    return and_(row.object_type == literal_column("'certificate'"), seen)


def may_read_inner(actor: Actor, row: Any) -> Any:
    """How it was prepared and printed: the issuer's people, and those of the territory."""
    return actor.role in TERRITORIAL | ORGANIZERS | EVERYWHERE


def may_read_words(actor: Actor, row: Any) -> Any:
    """What people wrote: whoever sees the row, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN


def may_read_code(actor: Actor, row: Any) -> Any:
    """The code: the volunteer and the issuer, who hand it on."""
    if actor.role is Role.VOLUNTEER:
        return True
    return row.organization_id == actor.organization_id if actor.role in ORGANIZERS else False


def may_prepare(actor: Actor) -> bool:
    """Organizers, of what their own organization recorded (Order 67)."""
    return actor.role in ORGANIZERS


def may_issue(actor: Actor, row: Any) -> Any:
    """The person in charge: of the issuer, and not the handler."""
    if actor.role not in ORGANIZERS:
        return False
    own = row.organization_id == actor.organization_id
    return own & (row.prepared_by != actor.account_id)


def may_drop(actor: Actor, row: Any) -> Any:
    """The issuer's people."""
    return row.organization_id == actor.organization_id if actor.role in ORGANIZERS else False


def may_revoke(actor: Actor, row: Any) -> Any:
    """The issuer's people; the territory's coordinator or approver."""
    if actor.role in ORGANIZERS:
        return row.organization_id == actor.organization_id
    return actor.covers(row.area_code) if actor.role in REVIEWERS else False


def may_print(actor: Actor, row: Any) -> Any:
    """With the holder's name: the volunteer and the issuer, once it is issued."""
    issued = row.state == model.CertificateState.ISSUED
    if actor.role is Role.VOLUNTEER:
        return issued
    if actor.role not in ORGANIZERS:
        return False
    return issued & (row.organization_id == actor.organization_id)
