"""Limits of help, names that tell nothing, merges (INV-10, 15, 18, 22)."""

from typing import Any

from sqlalchemy import Select, exists, func, or_, select, true
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.outbox import Event
from nexus.matching.helped.model import HelpOverride
from nexus.matching.helped.queries import at_the_time, is_limited
from nexus.matching.pledges.model import Allocation, Pledge
from nexus.needs.model import Need, NeedLine
from nexus.recipients.attestations.model import Attestation
from nexus.recipients.merging.model import DuplicateSuspicion, SuspicionState
from nexus.recipients.model import Household, Recipient, RecipientAlias
from nexus.supervision.ledger.queries import LIVE, finding, plus


def _within_limit() -> Select[Any]:
    """As it stood when each pledge was made: what was merged or limited later does not count."""
    counted = at_the_time(NeedLine.id, Allocation.created_at)
    return (
        finding(
            Allocation.id,
            "its household was helped beyond the limit, and nobody gave leave",
            helped=counted.c.helped,
            most=counted.c.most,
        )
        .join(Pledge, Pledge.id == Allocation.pledge_id)
        .join(NeedLine, NeedLine.id == Allocation.line_id)
        .join(Need, Need.id == NeedLine.need_id)
        .join(counted, true())
        .where(
            is_limited(NeedLine, Need),
            Pledge.override_id.is_(None),
            plus(Allocation, LIVE) > 0,
            counted.c.helped > counted.c.most,
        )
    )


def _approver_overrides() -> Select[Any]:
    row = HelpOverride
    told = exists().where(Event.kind == "helped.overridden", Event.object_id == row.id)
    approver = exists().where(Account.id == row.created_by, Account.role == Role.GOV_APPROVER)
    return finding(row.id, "no approver gave this leave, or nobody was told").where(
        or_(~told, ~approver)
    )


def _used_once() -> Select[Any]:
    row = HelpOverride
    uses = (
        select(func.count())
        .select_from(Pledge)
        .where(Pledge.override_id == row.id)
        .correlate(row)
        .scalar_subquery()
    )
    return finding(row.id, "its use and the pledges that name it differ", pledges=uses).where(
        (uses == 1) != row.used_at.is_not(None)
    )


def _names_are_apart() -> Select[Any]:
    other = aliased(RecipientAlias)
    return finding(RecipientAlias.id, "two organizations know somebody by one name").where(
        exists().where(
            other.alias == RecipientAlias.alias,
            or_(
                other.organization_id != RecipientAlias.organization_id,
                other.recipient_id != RecipientAlias.recipient_id,
            ),
        )
    )


def _attested_by_own_name() -> Select[Any]:
    """An attestation bears the name its organization knows, and no other's."""
    row = aliased(RecipientAlias)
    return finding(Attestation.id, "it bears a name that another organization knows").where(
        exists().where(
            row.alias == Attestation.alias, row.organization_id != Attestation.organization_id
        )
    )


def _merged_in_one_step(table: Any, what: str) -> Select[Any]:
    beyond = aliased(table)
    chained = exists().where(beyond.id == table.merged_into_id, beyond.merged_into_id.is_not(None))
    return finding(table.id, f"the {what} it was merged into was merged too").where(chained)


def _merged_as_decided() -> Select[Any]:
    row = DuplicateSuspicion
    decided = exists().where(
        row.state == SuspicionState.MERGED,
        row.survivor_id == Recipient.merged_into_id,
        or_(row.recipient_id == Recipient.id, row.other_id == Recipient.id),
    )
    return finding(Recipient.id, "it points at another record, and nobody decided that").where(
        Recipient.merged_into_id.is_not(None), ~decided
    )


def _merge_second_person() -> Select[Any]:
    row = DuplicateSuspicion
    return finding(row.id, "whoever proposed the merge decided it").where(
        row.state == SuspicionState.MERGED, row.decided_by == row.proposed_by
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-10 help within its limit": _within_limit(),
    "INV-22 approver gives leave": _approver_overrides(),
    "INV-22 leave is used once": _used_once(),
    "INV-15 names are apart": _names_are_apart(),
    "INV-15 attested by own name": _attested_by_own_name(),
    "INV-18 merge has a second person": _merge_second_person(),
    "INV-21 person merged in one step": _merged_in_one_step(Recipient, "record"),
    "INV-21 household merged in one step": _merged_in_one_step(Household, "household"),
    "INV-17 merged as decided": _merged_as_decided(),
}
