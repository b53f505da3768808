"""The words that papers print for codes of the house, in simplified Chinese."""

from nexus.casework.cases.model import CaseCloseReason, CaseState, CaseType, GoalState
from nexus.casework.cases.records.model import EvaluationOutcome
from nexus.casework.model import RiskTier
from nexus.casework.visits.model import VisitKind, VisitState
from nexus.casework.visits.pictures.model import Signer
from nexus.matching.referrals.model import ReferralDirection

TITLES = {
    "visit_record": ("探访记录", "Record of a visit"),
    "referral_slip": ("转介单", "Referral slip"),
    "case_summary": ("个案摘要", "Case summary"),
}
VISIT_KINDS = {
    VisitKind.HOME: "入户",
    VisitKind.PHONE: "电话",
    VisitKind.VIDEO: "视频",
    VisitKind.OFFICE: "到站",
    VisitKind.JOINT: "联合入户",
}
VISIT_STATES = {VisitState.DONE: "已完成", VisitState.VERIFIED: "已核实"}
TIERS = {
    RiskTier.HIGH: "高",
    RiskTier.MEDIUM: "中",
    RiskTier.LOW: "低",
}
SIGNERS = {
    Signer.RECIPIENT: "服务对象签名 Recipient",
    Signer.FAMILY: "家庭成员签名 Family member",
    Signer.GUARDIAN: "监护人签名 Guardian",
    Signer.WITNESS: "见证人签名 Witness",
    Signer.WORKER: "探访人员签名 Worker",
}
CASE_TYPES = {
    CaseType.INDIVIDUAL: "个人个案",
    CaseType.FAMILY: "家庭个案",
    CaseType.CRISIS: "危机个案",
}
CASE_STATES = {
    CaseState.INTAKE: "接案",
    CaseState.ASSESSMENT: "评估",
    CaseState.PLANNING: "计划",
    CaseState.INTERVENTION: "介入",
    CaseState.EVALUATION: "成效评估",
    CaseState.ON_HOLD: "暂停",
    CaseState.CLOSED: "结案",
    CaseState.REFERRED_OUT: "转出",
    CaseState.REJECTED_AT_INTAKE: "不予接案",
}
CLOSE_REASONS = {
    CaseCloseReason.GOAL_MET: "目标达成",
    CaseCloseReason.GOAL_PARTLY_MET: "目标部分达成",
    CaseCloseReason.CLIENT_WITHDREW: "服务对象退出",
    CaseCloseReason.MOVED: "迁出",
    CaseCloseReason.DIED: "去世",
    CaseCloseReason.TRANSFERRED: "转其他机构",
    CaseCloseReason.NO_CONTACT: "多次联系未果",
}
GOAL_STATES = {
    GoalState.OPEN: "进行中",
    GoalState.ACHIEVED: "已达成",
    GoalState.PARTLY: "部分达成",
    GoalState.NOT: "未达成",
    GoalState.DROPPED: "取消",
}
OUTCOMES = {
    EvaluationOutcome.MET: "达成",
    EvaluationOutcome.PARTLY_MET: "部分达成",
    EvaluationOutcome.NOT_MET: "未达成",
}
_SIDES = {"gov": "民政部门", "dept": "部门", "station": "社工站", "charity": "慈善力量"}
DIRECTIONS = {
    ReferralDirection.CROSS_AREA: "跨区域",
    ReferralDirection.CROSS_BORDER: "跨境",
    **{
        ReferralDirection(f"{sender}_to_{receiver}"): f"{_SIDES[sender]} → {_SIDES[receiver]}"
        for sender, _, receiver in (
            each.value.partition("_to_") for each in ReferralDirection if "_to_" in each.value
        )
    },
}
CHOICES = {
    "BETTER": "好转",
    "SAME": "无变化",
    "WORSE": "变差",
    "CALM": "平稳",
    "LOW": "低落",
    "DISTRESSED": "痛苦焦虑",
}
"""Of the first checklist; a choice of another stands as it is."""
YES_NO = {True: "是", False: "否"}
BLANK = "—"
