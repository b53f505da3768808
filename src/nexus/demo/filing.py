"""Case files at every stage: assessed, planned, noted; some closed, some discussed."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from nexus.accounts.model import Account
from nexus.casework.assessments.model import Assessment, Channel
from nexus.casework.assessments.operations import (
    Measure,
    complete_assessment,
    countersign_assessment,
    create_assessment,
)
from nexus.casework.cases import operations
from nexus.casework.cases.closing import operations as closing
from nexus.casework.cases.model import Case, CaseCloseReason, CasePlan, Goal, GoalState
from nexus.casework.cases.plans import operations as plans
from nexus.casework.cases.records import operations as records
from nexus.casework.cases.records.model import CaseNote, EvaluationOutcome, NoteLevel, Party
from nexus.casework.cases.rules import GoalText
from nexus.casework.conferences import operations as conferences
from nexus.demo.deeds import Deed, Deeds
from nexus.demo.people import Subject

MOST = 12
"""Cases that are opened, whatever the scale: six stages, twice."""
BEGUN = timedelta(days=40)
ANSWERS: dict[str, Any] = {
    "members": 1,
    "dependants": 0,
    "carer": "none",
    "illness": "chronic",
    "self_care": "partly",
    "mind": "strained",
    "able_members": 0,
    "employment": "not_of_age",
    "hindrance": "none",
    "share": 50,
    "debt": "bearable",
    "kind": "medical",
    "housing": "repair",
    "basics": "all",
}
HEAVY = ANSWERS | {"illness": "serious", "mind": "at_risk", "share": 85, "housing": "dangerous"}
MEASURES = (
    Measure("CAR", Channel.VOLUNTEER, "每周上门陪伴一次"),
    Measure("HOU", Channel.GOVERNMENT, "申请危旧房修缮"),
    Measure("LIV.FOOD", Channel.CHARITY, "链接助餐"),
)


class Files(Deeds):
    """Made by deeds, as workers and leads make them."""

    async def open_cases(self, subjects: list[Subject]) -> None:
        """Each goes one stage further than the one before it."""
        for number, subject in enumerate(subjects[:MOST]):
            stage = number % 6
            case = await self._open(subject)
            if case is None or stage == 0:
                continue
            found = await self._assess(subject, HEAVY if number % 4 == 1 else ANSWERS)
            if found is None or not await self._plan(subject, case, found, stage):
                continue
            await self._work(subject, case)
            if stage >= 4:
                await self._close(subject, case, agreed=stage == 5)
            elif stage == 3:
                await self._confer(subject, case)

    async def _as(self, account: Account, days: int, deed: Deed[Any]) -> Any:
        return await self.attempt(account, BEGUN - timedelta(days=days), deed)

    async def _at(self, case: Case) -> int:
        """The version the case has now."""
        async with self.sessions() as session:
            return (await session.get_one(Case, case.id)).version

    async def _open(self, subject: Subject) -> Case | None:
        case: Case | None = await self._as(
            subject.station.workers[0],
            0,
            lambda act: operations.create_case(
                act, household_id=subject.household.id, opening="示范个案:独居,行动不便。"
            ),
        )
        return case

    async def _assess(self, subject: Subject, answers: dict[str, Any]) -> Assessment | None:
        worker = subject.station.workers[0]
        row: Assessment | None = await self._as(
            worker,
            1,
            lambda act: create_assessment(
                act,
                household_id=subject.household.id,
                answers=answers,
                measures=MEASURES,
            ),
        )
        if row is None:
            return None
        made = row.id
        row = await self._as(
            worker, 1, lambda act: complete_assessment(act, made, expected_version=1)
        )
        if row is not None and row.countersign_needed:
            row = await self._as(
                subject.station.lead,
                2,
                lambda act: countersign_assessment(act, made, expected_version=2),
            )
        return row

    async def _plan(self, subject: Subject, case: Case, found: Assessment, stage: int) -> bool:
        """Whether the case came as far as intervention."""
        worker, lead = subject.station.workers[0], subject.station.lead
        await self._as(
            worker,
            1,
            lambda act: operations.begin_assessment(act, case.id, expected_version=1),
        )
        await self._as(
            worker,
            3,
            lambda act: operations.begin_planning(
                act, case.id, expected_version=2, assessment_id=found.id
            ),
        )
        row: CasePlan | None = await self._as(
            worker,
            4,
            lambda act: plans.create_plan(
                act,
                case_id=case.id,
                summary="每周探访,链接助餐,协助申请修缮。",
                goals=[GoalText("三餐有着落", "链接助餐"), GoalText("住得安全", "申请修缮")],
            ),
        )
        if row is None:
            return False
        await self._as(worker, 4, lambda act: plans.submit_plan(act, row.id, expected_version=1))
        if stage == 1:
            return False
        await self._as(lead, 5, lambda act: plans.approve_plan(act, row.id, expected_version=2))
        version = await self._at(case)
        begun = await self._as(
            worker,
            6,
            lambda act: operations.begin_intervention(act, case.id, expected_version=version),
        )
        return begun is not None and stage > 1

    async def _work(self, subject: Subject, case: Case) -> None:
        worker = subject.station.workers[0]
        await self._note(worker, 8, case, NoteLevel.TEAM, "示范记录:首餐已送达,情绪平稳。")
        await self._note(worker, 15, case, NoteLevel.RESTRICTED, "示范记录:谈及家庭关系。")
        await self._as(
            worker,
            9,
            lambda act: records.add_participant(
                act,
                case_id=case.id,
                party=Party.SOCIAL_WORKER,
                account_id=worker.id,
                contribution="主责社工",
            ),
        )

    async def _note(
        self, worker: Account, days: int, case: Case, level: NoteLevel, text: str
    ) -> None:
        note: CaseNote | None = await self._as(
            worker,
            days,
            lambda act: records.create_note(act, case_id=case.id, level=level, text=text),
        )
        if note is not None:
            made = note.id
            await self._as(
                worker, days, lambda act: records.sign_note(act, made, expected_version=1)
            )

    async def _achieve(self, worker: Account, goal: Goal) -> None:
        await self._as(
            worker,
            30,
            lambda act: plans.settle_goal(
                act, goal.id, expected_version=1, outcome=GoalState.ACHIEVED
            ),
        )

    async def _close(self, subject: Subject, case: Case, *, agreed: bool) -> None:
        worker, version = subject.station.workers[0], await self._at(case)
        await self._as(
            worker,
            30,
            lambda act: operations.begin_evaluation(act, case.id, expected_version=version),
        )
        async with self.sessions() as session:
            goals = list(await session.scalars(select(Goal).where(Goal.case_id == case.id)))
        for goal in goals:
            await self._achieve(worker, goal)
        await self._as(
            worker,
            31,
            lambda act: closing.evaluate_case(
                act,
                case.id,
                expected_version=version + 1,
                outcome=EvaluationOutcome.MET,
                summary="助餐稳定,修缮完成。",
                client_rating=5,
            ),
        )
        asked: Case | None = await self._as(
            worker,
            32,
            lambda act: closing.request_closing(
                act,
                case.id,
                expected_version=version + 2,
                close_reason=CaseCloseReason.GOAL_MET,
                client_told_at=act.now,
            ),
        )
        if asked is not None and agreed:
            await self._as(
                subject.station.lead,
                33,
                lambda act: closing.close_case(act, case.id, expected_version=asked.version),
            )

    async def _confer(self, subject: Subject, case: Case) -> None:
        home = subject.station.clerk.organization_id
        if home is not None:
            await self._as(
                subject.station.lead,
                35,
                lambda act: conferences.convene_conference(
                    act,
                    case_id=case.id,
                    agenda="示范会商:修缮期间的临时安置。",
                    meets_at=self.world.now + timedelta(days=3),
                    organization_ids=[home],
                ),
            )
