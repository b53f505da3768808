"""Asking for a paper."""

from datetime import timedelta
from uuid import UUID

from nexus.acting import Act
from nexus.casework.cases.model import Case
from nexus.casework.visits.model import Visit
from nexus.core.refusals import Forbidden, Invalid, WrongState
from nexus.core.signing import LinkRefused, signer_of
from nexus.exchange.printouts import policy
from nexus.exchange.printouts.model import PaperKind, Printout
from nexus.matching.referrals.model import Referral

READ_WITHIN = timedelta(minutes=5)


def path_of(printout_id: UUID) -> str:
    """Where the paper is read."""
    return f"/printouts/{printout_id}"


async def print_paper(
    act: Act,
    *,
    visit_id: UUID | None = None,
    referral_id: UUID | None = None,
    case_id: UUID | None = None,
) -> Printout:
    """An address to GET the PDF from, good for five minutes; that it was asked for is recorded."""
    if not policy.may_print(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} prints none of these papers.")
    if visit_id is not None:
        paper = PaperKind.VISIT_RECORD
        visit = await act.find(Visit, visit_id, visible=policy.visit_visible)
        if policy.may_print_visit(act.actor, visit) is not True:
            raise WrongState("Only a visit that was made has a record.", state=visit.state.name)
    elif referral_id is not None:
        paper = PaperKind.REFERRAL_SLIP
        await act.find(Referral, referral_id, visible=policy.referral_visible)
    elif case_id is not None:
        paper = PaperKind.CASE_SUMMARY
        await act.find(Case, case_id, visible=policy.case_visible)
    else:
        raise Invalid("Name a visit, a referral or a case.", field="subject")
    expires = (act.now + READ_WITHIN).replace(microsecond=0)
    path = path_of(act.row_id)
    row = Printout(
        id=act.row_id,
        paper=paper,
        visit_id=visit_id,
        referral_id=referral_id,
        case_id=case_id,
        account_id=act.actor.account_id,
        link=signer_of(act.session.info).sign("GET", path, act.actor.account_id, expires),
        expires_at=expires,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record(
        "printout.requested",
        row,
        paper=paper.value,
        visit_id=visit_id,
        referral_id=referral_id,
        case_id=case_id,
    )
    return row


async def find_printout(act: Act, printout_id: UUID) -> Printout:
    """The request of a checked address. LinkRefused."""
    row = await act.session.get(Printout, printout_id)
    if row is None or row.account_id != act.actor.account_id or row.expires_at <= act.now:
        raise LinkRefused("There is nothing at this address, or its time is over: ask again.")
    return row
