"""What others need to know of an organization."""

import unicodedata
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from nexus.acting import View
from nexus.organizations import model


def is_verified(organization_id: Any) -> ColumnElement[bool]:
    """SQL: the organization is verified now."""
    row = aliased(model.Organization)
    verified = exists().where(
        row.id == organization_id, row.state == model.OrganizationState.VERIFIED
    )
    return verified.correlate_except(row)


def is_called(row: Any, name: str) -> ColumnElement[bool]:
    """SQL: the organization has this name, whatever the width of its characters (NFKC)."""
    folded = " ".join(unicodedata.normalize("NFKC", name).split())
    return func.normalize(row.name, literal_column("NFKC")) == folded


async def holds_qualification(
    view: View, organization_id: UUID, kind: model.QualificationKind, on: date
) -> bool:
    """Whether the organization holds the qualification on that day (T18d)."""
    row = model.Qualification
    found = await view.session.execute(
        select(row.id).where(
            row.organization_id == organization_id,
            row.kind == kind,
            row.valid_from <= on,
            or_(row.valid_to.is_(None), row.valid_to > on),
        )
    )
    return found.first() is not None
