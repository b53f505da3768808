"""Who issues attestations, who sees them, who revokes them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, GOVERNMENT, STATION, Actor, Role
from nexus.organizations.queries import is_verified
from nexus.recipients.attestations import model
from nexus.recipients.model import Recognition
from nexus.recipients.policy import recognition_visible
from nexus.recipients.queries import consent_allows

_STAFF = GOVERNMENT | STATION | {Role.DPO}
_RECEIVERS = CHARITY | {Role.VOL_ORG}
_ISSUES = GOVERNMENT | {Role.STATION_LEAD, Role.SOCIAL_WORKER}
_BY_LAW = frozenset({Role.GOV_APPROVER})
ECONOMY = "D4"
"""A category tells of a household's economy (domain.md 8.9)."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Those who see the recognition; the organization it is for, while its basis stands."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role in _STAFF:
        recognition = aliased(Recognition)
        return exists().where(
            recognition.id == row.recognition_id, recognition_visible(actor, recognition)
        )
    if actor.role not in _RECEIVERS:
        return false()
    return and_(
        row.organization_id == actor.organization_id,
        stands(actor, row),
        is_verified(actor.organization_id),
    )


def stands(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: the consent behind it holds now, or it rests on law (INV-11, INV-12)."""
    return or_(
        row.legal_basis.is_not(None),
        consent_allows(
            row.consent_id,
            purpose=row.purpose,
            data_class=ECONOMY,
            receiver_id=row.organization_id,
            now=actor.now,
        ),
    )


def may_read_subject(actor: Actor, row: Any) -> Any:
    """Whose it is: for those who see the recognition itself."""
    return actor.role is Role.SYSTEM or actor.role in _STAFF


def may_issue(actor: Actor, row: Any) -> Any:
    """Who works with the person; that the recognition is theirs is its visibility."""
    return actor.role in _ISSUES


def may_issue_by_law(actor: Actor) -> bool:
    """Without a consent: the approver answers for the legal basis."""
    return actor.role in _BY_LAW


def may_revoke(actor: Actor, row: Any) -> Any:
    """Who may issue, the data protection officer, and nexus when its basis ends."""
    return actor.role in _ISSUES or actor.role in (Role.DPO, Role.SYSTEM)


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The history of an attestation, to the staff who see it."""
    if may_read_subject(actor, row) is not True:
        return false()
    attestation = aliased(model.Attestation)
    seen = exists().where(attestation.id == row.object_id, visible(actor, attestation))
    return and_(row.object_type == "attestation", seen)
