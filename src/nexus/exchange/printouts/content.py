"""What stands on each paper, as plain strings: a heading, facts, sections, places to sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from nexus.acting import SHANGHAI
from nexus.casework.cases.model import Case, Goal
from nexus.casework.cases.records.model import CaseEvaluation
from nexus.casework.visits.model import Visit
from nexus.casework.visits.pictures.model import Signer, VisitPicture
from nexus.exchange.printouts import words
from nexus.exchange.printouts.words import BLANK
from nexus.matching.referrals.model import Referral, ReferralLine

Signed = Sequence[tuple[VisitPicture, bytes]]
"""Signatures with their pictures, oldest first."""


@dataclass(frozen=True)
class Around:
    """What the row of a paper points at, by name."""

    household_no: str = BLANK
    area: str = BLANK
    station: str = BLANK
    worker: str = BLANK
    issuer: str = BLANK
    receiver: str = BLANK
    printed_by: str = BLANK
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Code list → code → label."""

    def label(self, name: str, code: str | None) -> str:
        """A code's label; the code where the list does not have it."""
        return BLANK if code is None else self.labels.get(name, {}).get(code, code)


def paper(
    kind: str,
    no: str,
    around: Around,
    *,
    facts: Mapping[str, str | None],
    sections: Sequence[dict[str, Any]],
    signatures: Sequence[dict[str, Any]],
    printed_at: datetime,
) -> dict[str, Any]:
    """The whole paper; an odd number of facts is filled up."""
    title, title_en = words.TITLES[kind]
    listed = [{"label": label, "value": value or BLANK} for label, value in facts.items()]
    if len(listed) % 2:
        listed.append({"label": "", "value": ""})
    return {
        "title": title,
        "title_en": title_en,
        "no": no,
        "issuer": around.issuer,
        "facts": listed,
        "sections": [one for one in sections if one["text"] or one["rows"]],
        "signatures": signatures,
        "footer": f"由 {around.printed_by} 于 {minute(printed_at)} 打印 · 内部资料，请妥善保管",
    }


def section(
    title: str,
    *lines: str | None,
    head: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Paragraphs, then a table; one without either is left out of the paper."""
    text = [line for said in lines if said for line in said.splitlines() if line.strip()]
    return {"title": title, "text": text, "head": list(head) if rows else [], "rows": list(rows)}


def place(label: str, image: bytes | None = None, on: date | None = None) -> dict[str, Any]:
    """Where somebody signs, or has signed."""
    day = on.isoformat() if on else ""
    return {"label": label, "image": list(image) if image else None, "day": day}


def minute(moment: datetime | None) -> str:
    """In Shanghai, to the minute."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if moment else BLANK


def _day(moment: datetime | None) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d}" if moment else BLANK


def visit_record(
    row: Visit,
    around: Around,
    *,
    items: Sequence[Mapping[str, Any]],
    changes: Sequence[str],
    photos: int,
    signed: Signed,
    printed_at: datetime,
) -> dict[str, Any]:
    """A visit as it was made: when, by whom, every question with its answer."""
    facts = {
        "户编号": around.household_no,
        "所在区划": around.area,
        "社工站": around.station,
        "探访人员": around.worker,
        "方式": words.VISIT_KINDS[row.kind],
        "时间": minute(row.performed_at),
        "时长": f"{row.minutes} 分钟" if row.minutes else None,
        "风险等级": words.TIERS[row.tier] if row.tier else None,
        "紧急危险": words.YES_NO[row.danger],
        "照片": f"{photos} 张" if photos else None,
        "状态": words.VISIT_STATES.get(row.state, row.state.value),
    }
    answers = [
        [str(item["label"]), _answer(row.findings[item["code"]])]
        for item in items
        if item["code"] in row.findings
    ]
    sections = [
        section("探访情况", head=("项目", "情况"), rows=answers),
        section("小结", row.summary),
        section("家庭变化", "、".join(around.label("household_change", one) for one in changes)),
    ]
    return paper(
        "visit_record",
        row.no,
        around,
        facts=facts,
        sections=sections,
        signatures=_signatures(signed),
        printed_at=printed_at,
    )


def _signatures(signed: Signed) -> list[dict[str, Any]]:
    """What was signed on the device, and lines for whoever still has to."""
    made = [
        place(words.SIGNERS[row.signer], image, row.taken_at.astimezone(SHANGHAI).date())
        for row, image in signed
        if row.signer is not None
    ]
    there = {row.signer for row, _ in signed}
    if not there & {Signer.RECIPIENT, Signer.FAMILY, Signer.GUARDIAN}:
        made.append(place(words.SIGNERS[Signer.RECIPIENT]))
    if Signer.WORKER not in there:
        made.append(place(words.SIGNERS[Signer.WORKER]))
    return made


def _answer(value: Any) -> str:
    """Yes or no, a choice by its word, a figure or a text."""
    return words.YES_NO[value] if isinstance(value, bool) else words.CHOICES.get(value, str(value))


def referral_slip(
    row: Referral, around: Around, *, lines: Sequence[ReferralLine], printed_at: datetime
) -> dict[str, Any]:
    """What goes along with a person who is sent on, and comes back signed. Class D1 alone."""
    asked = [
        [
            around.label("need_kind", line.kind.upper()),
            line.item,
            BLANK if line.quantity is None else f"{line.quantity.normalize():f}",
            around.label("unit", line.unit),
        ]
        for line in lines
    ]
    result = (
        around.label("outcome", row.outcome) if row.outcome else "□ 已办理  □ 部分办理  □ 未办理"
    )
    sections = [
        section(row.title, row.summary),
        section("转介事项", head=("方式", "内容", "数量", "单位"), rows=asked),
        section("回执", f"办理结果：{result}", "说明：" + "＿" * 30),
    ]
    places = (
        "转出单位（盖章）Sender",
        "接收单位（盖章）Receiver",
        "服务对象签名 Recipient",
        "经办人 Handler",
    )
    return paper(
        "referral_slip",
        row.no,
        around,
        facts=_referral_facts(row, around),
        sections=sections,
        signatures=[place(label) for label in places],
        printed_at=printed_at,
    )


def _referral_facts(row: Referral, around: Around) -> dict[str, str | None]:
    return {
        "转出单位": around.issuer,
        "接收单位": around.receiver,
        "方向": words.DIRECTIONS[row.direction],
        "需求类别": around.label("need_category", row.category),
        "紧急程度": around.label("urgency", row.urgency.upper()),
        "发送日期": _day(row.sent_at),
        "请于此前答复": minute(row.ack_due_at),
        "约定办理日期": row.planned_on.isoformat() if row.planned_on else None,
        "显示区划": around.area,
    }


@dataclass(frozen=True)
class File:
    """A case with what belongs to it."""

    row: Case
    plan: str | None
    goals: Sequence[Goal]
    visits: Sequence[Visit]
    evaluation: CaseEvaluation | None


def case_summary(file: File, around: Around, *, printed_at: datetime) -> dict[str, Any]:
    """A case on a page or two: why, what for, what was done, what came of it (D8)."""
    row = file.row
    goals = [
        [
            str(goal.position),
            goal.text,
            goal.target_on.isoformat() if goal.target_on else BLANK,
            words.GOAL_STATES[goal.state],
        ]
        for goal in file.goals
    ]
    visits = [
        [_day(visit.performed_at), words.VISIT_KINDS[visit.kind], visit.no] for visit in file.visits
    ]
    said = file.evaluation
    sections = [
        section("开案缘由", row.opening),
        section("服务计划", file.plan, head=("序", "目标", "期限", "进展"), rows=goals),
        section("探访", head=("日期", "方式", "编号"), rows=visits),
        section("成效评估", f"{words.OUTCOMES[said.outcome]}：{said.summary}" if said else None),
    ]
    return paper(
        "case_summary",
        row.no,
        around,
        facts=_case_facts(row, around),
        sections=sections,
        signatures=[place("负责社工 Worker"), place("督导 Supervisor")],
        printed_at=printed_at,
    )


def _case_facts(row: Case, around: Around) -> dict[str, str | None]:
    return {
        "户编号": around.household_no,
        "所在区划": around.area,
        "社工站": around.station,
        "负责社工": around.worker,
        "类型": words.CASE_TYPES[row.case_type],
        "风险等级": words.TIERS[row.risk_tier] if row.risk_tier else None,
        "阶段": words.CASE_STATES[row.state],
        "开案日期": _day(row.created_at),
        "计划版本": str(row.plan_version) if row.plan_version else None,
        "结案日期": _day(row.closed_at),
        "结案原因": words.CLOSE_REASONS[row.close_reason] if row.close_reason else None,
    }
