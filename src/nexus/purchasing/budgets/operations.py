"""The ledger's doors, and what is done about a line. Money moves by one journal and no other way.

The doors (reserve, commit, pay and what gives each back) are called by the deeds of procurements,
contracts and payments, in their transaction, last: the line is locked from there to the commit.
"""

from collections.abc import Sequence
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from nexus.acting import Act
from nexus.areas.queries import resolve_area
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, NotFound
from nexus.core.texts import check_impersonal, check_reason, check_text
from nexus.purchasing.budgets import model, policy, queries, rules
from nexus.purchasing.budgets.model import BudgetLine, JournalKind, SubjectType
from nexus.purchasing.budgets.rules import Posting, Subject
from nexus.purchasing.catalogue.model import FundingSource

# The ledger --------------------------------------------------------------------------------


async def post(act: Act, kind: JournalKind, subject: Subject, postings: Sequence[Posting]) -> UUID:
    """One journal with its entries; the id of it. The database adds them to the sums, or refuses.

    BudgetExhausted with what is left; GuardFailed when the line takes nothing, or when the holder
    has less than that (INV-23), or when the deed was posted before (INV-25).
    """
    await act.session.flush()
    journal_id = new_id()
    journal = {
        "id": journal_id,
        "kind": kind,
        "subject_type": subject.type,
        "subject_id": subject.id,
        "posted_at": act.now,
        "posted_by": act.actor.account_id,
    }
    entries = [
        {
            "id": new_id(),
            "journal_id": journal_id,
            "budget_line_id": one.line_id,
            "account": one.account,
            "subject_type": one.subject.type,
            "subject_id": one.subject.id,
            "fen": one.fen,
        }
        for one in postings
    ]
    try:
        await act.session.execute(insert(model.BudgetJournal).values(journal))
        await act.session.execute(insert(model.BudgetEntry).values(entries))
    except IntegrityError as error:
        _refuse(error)
    return journal_id


def _refuse(error: IntegrityError) -> NoReturn:
    """The guard of the ledger's trigger as a refusal; what it does not know is a fault of ours."""
    cause: Any = getattr(error.orig, "__cause__", None)
    match getattr(cause, "constraint_name", None):
        case "inv_23_budget":
            raise rules.exhausted(int(cause.detail)) from None
        case "line_open":
            raise rules.not_open(cause.detail) from None
        case "own_only":
            raise rules.holds_less(int(cause.detail)) from None
        case "uq_budget_journal_once":
            raise GuardFailed(
                "The ledger has this already, and does it once.", rule="INV-25"
            ) from None
    raise error


async def _move(
    act: Act,
    kind: JournalKind,
    line_id: UUID,
    fen: int,
    *,
    giver: Subject,
    taker: Subject,
    by: Subject,
) -> None:
    both = rules.entries_of(kind, line_id, rules.check_fen(fen), giver=giver, taker=taker)
    await post(act, kind, by, both)


def _line(line_id: UUID) -> Subject:
    return Subject(SubjectType.BUDGET_LINE, line_id)


async def reserve(act: Act, *, line_id: UUID, subject: Subject, fen: int) -> None:
    """Set money aside for what is to come. BudgetExhausted with what is left."""
    await _move(
        act, JournalKind.RESERVE, line_id, fen, giver=_line(line_id), taker=subject, by=subject
    )


async def release(act: Act, *, line_id: UUID, subject: Subject, fen: int) -> None:
    """Give back what the subject reserved, and no more than that."""
    await _move(
        act, JournalKind.RELEASE, line_id, fen, giver=subject, taker=_line(line_id), by=subject
    )


async def commit(
    act: Act, *, line_id: UUID, subject: Subject, fen: int, reserved_by: Subject | None = None
) -> None:
    """What was reserved, by the subject itself unless said otherwise, is promised to it."""
    giver = reserved_by or subject
    await _move(act, JournalKind.COMMIT, line_id, fen, giver=giver, taker=subject, by=subject)


async def decommit(act: Act, *, line_id: UUID, subject: Subject, fen: int) -> None:
    """Give back what is promised to the subject and not paid, and no more than that."""
    await _move(
        act, JournalKind.DECOMMIT, line_id, fen, giver=subject, taker=_line(line_id), by=subject
    )


async def pay(
    act: Act, *, line_id: UUID, subject: Subject, fen: int, committed_to: Subject
) -> None:
    """A payment takes from what is promised to the contract: once a payment (INV-25)."""
    await _move(act, JournalKind.PAY, line_id, fen, giver=committed_to, taker=subject, by=subject)


async def unpay(
    act: Act, *, line_id: UUID, subject: Subject, fen: int, committed_to: Subject
) -> None:
    """A reversed payment gives back what it took, to the contract it took it from."""
    await _move(act, JournalKind.UNPAY, line_id, fen, giver=subject, taker=committed_to, by=subject)


# Lines -------------------------------------------------------------------------------------


async def draft_budget_line(
    act: Act,
    *,
    title: str,
    fiscal_year: int,
    area_code: str,
    funding_source: FundingSource,
    planned_fen: int,
    item_ids: Sequence[UUID],
) -> BudgetLine:
    """A line of the own organization, for entries of the catalogue that its source may pay (T21d).

    Nothing can be reserved on it before finance approves it.
    """
    if not policy.may_draft(act.actor):
        raise Forbidden("Only a buyer drafts a budget line.")
    said = check_text(title, field="title", most=200)
    area = await resolve_area(act.session, area_code)
    row = BudgetLine(
        id=act.row_id,
        no=await act.number("BL", area),
        title=check_impersonal(said, field="title"),
        fiscal_year=rules.check_year(fiscal_year, act.actor.today().year),
        buyer_id=act.actor.organization_id,
        area_code=area,
        funding_source=funding_source,
        planned_fen=rules.check_fen(planned_fen, field="plannedFen"),
        state=model.BudgetLineState.DRAFT,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    items = await _check_items(act, item_ids, funding_source)
    act.session.add(row)
    await act.session.flush()
    act.session.add_all(
        model.BudgetLineItem(line_id=row.id, catalogue_item_id=item_id) for item_id in items
    )
    await act.session.flush()
    act.record("budget_line.drafted", row, **_about(row), planned_fen=row.planned_fen)
    return row


async def _check_items(act: Act, ids: Sequence[UUID], source: FundingSource) -> list[UUID]:
    """The ids, each once. NotFound for what is no entry; GuardFailed for another's money (T21d)."""
    wanted = list(dict.fromkeys(ids))
    if not wanted or set(wanted) != await queries.known_items(act.session, wanted):
        raise NotFound(
            "itemIds names entries of the catalogue, at least one: look them up in catalogueItems.",
            field="itemIds",
        )
    if unfit := await queries.unfit_items(act.session, wanted, source.value):
        raise GuardFailed(
            f"{source.value} may not pay for {', '.join(unfit)}, or it is retired: take it off "
            "the line, or take another source.",
            rule="T21d",
            field="itemIds",
            codes=unfit,
        )
    return wanted


def _about(row: BudgetLine) -> dict[str, Any]:
    return {
        "buyer_id": row.buyer_id,
        "area_code": row.area_code,
        "fiscal_year": row.fiscal_year,
        "funding_source": row.funding_source.value,
    }


async def _take(act: Act, row_id: UUID, expected_version: int, may: Any, verb: str) -> BudgetLine:
    row = await act.take(
        BudgetLine, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(may, row)
    model.TRANSITIONS.after(verb, row.state)
    return row


async def amend_budget_line(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    title: str | None = None,
    planned_fen: int | None = None,
) -> BudgetLine:
    """Correct a draft; what is not given stays."""
    row = await _take(act, row_id, expected_version, policy.may_amend, "amend")
    if title is not None:
        said = check_text(title, field="title", most=200)
        row.title = check_impersonal(said, field="title")
    if planned_fen is not None:
        row.planned_fen = rules.check_fen(planned_fen, field="plannedFen")
    act.move(row, model.TRANSITIONS, "amend")
    act.record("budget_line.amended", row, **_about(row), planned_fen=row.planned_fen)
    return row


async def approve_budget_line(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> BudgetLine:
    """Finance, who did not draft it, lets the money be used."""
    row = await _take(act, row_id, expected_version, policy.may_approve, "approve")
    act.move(row, model.TRANSITIONS, "approve")
    row.approved_by, row.state_reason = act.actor.account_id, reason
    await _outside(act, row, JournalKind.APPROVE, row.planned_fen)
    act.record("budget_line.approved", row, **_about(row), fen=row.approved_fen)
    return row


async def _outside(act: Act, row: BudgetLine, kind: JournalKind, fen: int) -> None:
    line = _line(row.id)
    await post(act, kind, line, rules.entries_of(kind, row.id, fen, giver=line, taker=line))
    await act.session.refresh(row)


async def adjust_budget_line(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    fen: int,
    document_no: str,
    reason: str | None,
) -> BudgetLine:
    """Raise the line, or lower it by what it has left, by a document.

    BudgetExhausted with what is left where less is (INV-23).
    """
    row = await _take(act, row_id, expected_version, policy.may_adjust, "adjust")
    if fen == 0:
        raise GuardFailed("An adjustment is more or less than 0 fen.", rule="adjusts", field="fen")
    adjustment = model.BudgetAdjustment(
        line_id=row.id,
        fen=fen,
        document_no=check_text(document_no, field="documentNo", most=100),
        reason=check_reason(reason, impersonal=True),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.move(row, model.TRANSITIONS, "adjust")
    act.session.add(adjustment)
    await _outside(act, row, JournalKind.ADJUST, fen)
    act.record("budget_line.adjusted", row, **_about(row), fen=fen)
    return row


async def freeze_budget_line(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> BudgetLine:
    """Nothing new is reserved, committed or paid until it is unfrozen."""
    row = await _take(act, row_id, expected_version, policy.may_freeze, "freeze")
    said = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "freeze")
    row.state_reason = said
    act.record("budget_line.frozen", row, **_about(row))
    return row


async def unfreeze_budget_line(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> BudgetLine:
    """It is used again."""
    row = await _take(act, row_id, expected_version, policy.may_unfreeze, "unfreeze")
    act.move(row, model.TRANSITIONS, "unfreeze")
    row.state_reason = reason
    act.record("budget_line.unfrozen", row, **_about(row))
    return row


async def close_budget_line(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> BudgetLine:
    """The year is over. GuardFailed while something is reserved, or committed and not paid."""
    row = await _take(act, row_id, expected_version, policy.may_close, "close")
    said = check_reason(reason, impersonal=True)
    unpaid = row.committed_fen - row.paid_fen
    if row.reserved_fen or unpaid:
        raise GuardFailed(
            f"{row.reserved_fen} fen are reserved and {unpaid} fen committed and not paid: "
            "give them back or pay them first.",
            rule="closed_settled",
            reserved=row.reserved_fen,
            unpaid=unpaid,
        )
    act.move(row, model.TRANSITIONS, "close")
    row.state_reason = said
    act.record("budget_line.closed", row, **_about(row))
    return row
