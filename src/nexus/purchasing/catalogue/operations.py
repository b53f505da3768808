"""Drafting editions of the catalogue, putting them in force, ending them."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import resolve_code
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.core.texts import check_impersonal, check_reason, check_text
from nexus.purchasing.catalogue import model, policy, queries, rules
from nexus.purchasing.catalogue.model import CatalogueItem


async def draft_catalogue_item(
    act: Act,
    *,
    code: str,
    title: str,
    kind: model.CatalogueKind,
    unit: str,
    funding_sources: Sequence[model.FundingSource],
    reference_price_fen: int | None = None,
) -> CatalogueItem:
    """The next edition of a code, as a draft. The unit may be given by label."""
    if not policy.may_draft(act.actor):
        raise Forbidden("A buyer, a supervisor or the platform drafts the catalogue.")
    path = rules.check_code(code)
    said = check_text(title, field="title", most=rules.LONG_TITLE)
    row = CatalogueItem(
        id=act.row_id,
        code=path,
        title=check_impersonal(said, field="title"),
        kind=kind,
        unit=await resolve_code(act.session, "unit", unit, field="unit"),
        reference_price_fen=rules.check_price(reference_price_fen),
        funding_sources=rules.check_sources(funding_sources),
        edition=await queries.next_edition(act.session, path),
        state=model.CatalogueItemState.DRAFT,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("catalogue_item.drafted", row, code=row.code, edition=row.edition)
    return row


async def _take(act: Act, row_id: UUID, expected_version: int) -> CatalogueItem:
    return await act.take(
        CatalogueItem, row_id, visible=policy.visible, expected_version=expected_version
    )


async def publish_catalogue_item(
    act: Act, row_id: UUID, *, expected_version: int, effective_from: date
) -> CatalogueItem:
    """It is in force from that day, today or later; the edition before it ends there."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_publish, row)
    model.TRANSITIONS.after("publish", row.state)
    if effective_from < act.actor.today():
        raise GuardFailed(
            "An edition is not put in force backwards: begin today or later.",
            rule="not_backwards",
            field="effectiveFrom",
        )
    before = await queries.open_edition(act.session, row.code)
    if before is not None:
        rules.check_begins(effective_from, after=before.effective_from)
        before.effective_to = effective_from
        before.version += 1
        act.record("catalogue_item.superseded", before, effective_to=effective_from)
        await act.session.flush()
    act.move(row, model.TRANSITIONS, "publish")
    row.effective_from, row.published_by = effective_from, act.actor.account_id
    await act.session.flush()
    act.record("catalogue_item.published", row, effective_from=effective_from)
    return row


async def retire_catalogue_item(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> CatalogueItem:
    """From today it is not bought any more; what was agreed before goes on."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_retire, row)
    model.TRANSITIONS.after("retire", row.state)
    said = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "retire")
    row.state_reason = said
    ends = max(act.actor.today(), row.effective_from or act.actor.today())
    row.effective_to = min(ends, row.effective_to or ends)
    act.record("catalogue_item.retired", row, effective_to=row.effective_to)
    return row
