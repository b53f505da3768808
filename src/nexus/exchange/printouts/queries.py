"""What stands on a paper, read as whoever asked sees it at this moment."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.areas.model import Area
from nexus.areas.queries import labels
from nexus.casework.cases.model import Case, CasePlan, PlanState
from nexus.casework.cases.queries import goals_of
from nexus.casework.cases.records.model import CaseEvaluation
from nexus.casework.model import Station, Worker
from nexus.casework.visits.model import PERFORMED, ChangeReport, Visit, VisitChecklist
from nexus.casework.visits.pictures import queries as pictures
from nexus.casework.visits.pictures.model import PictureKind, PictureState, VisitPicture
from nexus.casework.visits.pictures.rules import Album
from nexus.exchange.printouts import content, policy
from nexus.exchange.printouts.model import PaperKind, Printout
from nexus.exchange.printouts.words import BLANK
from nexus.matching.referrals.model import Referral
from nexus.matching.referrals.queries import lines_of
from nexus.organizations.model import Organization
from nexus.recipients.model import Household

VISITS_LISTED = 12


async def told(act: Act, row: Printout, album: Album) -> dict[str, Any]:
    """The paper's content. NotFound when its asker sees the subject no more."""
    match row.paper:
        case PaperKind.VISIT_RECORD:
            assert row.visit_id is not None
            return await _visit(act, row.visit_id, album)
        case PaperKind.REFERRAL_SLIP:
            assert row.referral_id is not None
            return await _referral(act, row.referral_id)
        case _:
            assert row.case_id is not None
            return await _case(act, row.case_id)


async def _visit(act: Act, visit_id: UUID, album: Album) -> dict[str, Any]:
    session = act.session
    row = await act.find(Visit, visit_id, visible=policy.visit_visible)
    station = await session.get_one(Station, row.station_id)
    asked = await session.get(VisitChecklist, row.checklist_id) if row.checklist_id else None
    changes = await session.scalars(
        select(ChangeReport.changes).where(ChangeReport.visit_id == row.id)
    )
    signed = [
        (one, image)
        for one in await pictures.signatures_of(session, row.id)
        if (image := await pictures.content_of(session, album, one)) is not None
    ]
    home, area = await _home(session, row.household_id)
    around = content.Around(
        household_no=home,
        area=area,
        station=station.name,
        worker=await _name(session, row.performed_by),
        issuer=station.name,
        printed_by=await _name(session, act.actor.account_id),
        labels=await _labels(session, "household_change"),
    )
    return content.visit_record(
        row,
        around,
        items=asked.items if asked else [],
        changes=[code for codes in changes for code in codes],
        photos=await _photos(session, row.id),
        signed=signed,
        printed_at=act.now,
    )


async def _photos(session: AsyncSession, visit_id: UUID) -> int:
    row = VisitPicture
    found = await session.scalar(
        select(func.count())
        .select_from(row)
        .where(
            row.visit_id == visit_id,
            row.kind == PictureKind.PHOTO,
            row.state == PictureState.KEPT,
        )
    )
    return found or 0


async def _referral(act: Act, referral_id: UUID) -> dict[str, Any]:
    session = act.session
    row = await act.find(Referral, referral_id, visible=policy.referral_visible)
    receiver = await session.get_one(Organization, row.to_organization_id)
    there = await session.get(Station, row.to_station_id) if row.to_station_id else None
    sender = await session.get_one(Organization, row.from_organization_id)
    around = content.Around(
        area=await _area(session, row.shown_area_code),
        issuer=sender.name,
        receiver=f"{receiver.name} {there.name}" if there else receiver.name,
        printed_by=await _name(session, act.actor.account_id),
        labels=await _labels(session, "need_category", "urgency", "need_kind", "unit", "outcome"),
    )
    return content.referral_slip(
        row, around, lines=await lines_of(session, row.id), printed_at=act.now
    )


async def _case(act: Act, case_id: UUID) -> dict[str, Any]:
    session = act.session
    row = await act.find(Case, case_id, visible=policy.case_visible)
    station = await session.get_one(Station, row.station_id)
    post = await session.get_one(Worker, row.worker_id)
    plan = await session.scalar(
        select(CasePlan).where(CasePlan.case_id == row.id, CasePlan.state == PlanState.APPROVED)
    )
    file = content.File(
        row=row,
        plan=plan.summary if plan else None,
        goals=await goals_of(session, plan.id) if plan else (),
        visits=await _visits_of(session, row.id),
        evaluation=await session.scalar(
            select(CaseEvaluation)
            .where(CaseEvaluation.case_id == row.id)
            .order_by(CaseEvaluation.evaluated_at.desc(), CaseEvaluation.id.desc())
            .limit(1)
        ),
    )
    home, area = await _home(session, row.household_id)
    around = content.Around(
        household_no=home,
        area=area,
        station=station.name,
        worker=await _name(session, post.account_id),
        issuer=station.name,
        printed_by=await _name(session, act.actor.account_id),
    )
    return content.case_summary(file, around, printed_at=act.now)


async def _visits_of(session: AsyncSession, case_id: UUID) -> Sequence[Visit]:
    """The latest that were made, newest first."""
    row = Visit
    found = await session.scalars(
        select(row)
        .where(row.case_id == case_id, row.state.in_(PERFORMED))
        .order_by(row.performed_at.desc(), row.id)
        .limit(VISITS_LISTED)
    )
    return found.all()


async def _home(session: AsyncSession, household_id: UUID) -> tuple[str, str]:
    """Its number, and the name of its division."""
    home = await session.get_one(Household, household_id)
    return home.no, await _area(session, home.area_code)


async def _area(session: AsyncSession, code: str) -> str:
    area = await session.get(Area, code)
    return area.name if area else code


async def _name(session: AsyncSession, account_id: UUID | None) -> str:
    account = await session.get(Account, account_id) if account_id else None
    return account.name if account else BLANK


async def _labels(session: AsyncSession, *names: str) -> dict[str, dict[str, str]]:
    return {name: await labels(session, name) for name in names}
