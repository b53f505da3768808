"""Columns and codes of the report on contracts."""

from nexus.reports.content import Column, Kind
from nexus.reports.defined.columns import counted, money, worded
from nexus.reports.words import Words

TROUBLES = {
    "suspended": Words("已中止履行", "已中止履行", "suspended"),
    "late": Words("里程碑逾期", "里程碑逾期", "a milestone is overdue"),
    "unpaid": Words("已验收未按期付款", "已驗收未按期付款", "accepted and not paid in time"),
    "over": Words("合同期满未结束", "合同期滿未結束", "over its term and not ended"),
    "unpublished": Words("合同未按期公告", "合同未按期公告", "not published in time"),
    "none": Words("正常", "正常", "in order"),
}
GRADES = {
    "excellent": Words("优秀", "優秀", "excellent"),
    "good": Words("良好", "良好", "good"),
    "qualified": Words("合格", "合格", "qualified"),
    "unqualified": Words("不合格", "不合格", "unqualified"),
}
STATES = {
    "scheduled": Words("未到验收", "未到驗收", "scheduled"),
    "met": Words("已达到", "已達到", "met"),
    "partially_met": Words("部分达到", "部分達到", "partially met"),
    "not_met": Words("未达到", "未達到", "not met"),
}
CONTRACT = Column("no", Kind.TEXT, Words("合同编号", "合同編號", "Contract no."))
TITLE = Column("title", Kind.TEXT, Words("名称", "名稱", "Title"))
VALUE = money("value", Words("合同金额（元）", "合同金額（元）", "Value (yuan)"))
ACCEPTED = money(
    "accepted",
    Words("已验收（元）", "已驗收（元）", "Accepted (yuan)"),
    Words(
        "各里程碑验收金额之和", "各里程碑驗收金額之和", "The sum of what was accepted by milestone"
    ),
)
PAID = money(
    "paid",
    Words("已支付（元）", "已支付（元）", "Paid (yuan)"),
    Words("已执行且未冲回的付款", "已執行且未沖回的付款", "Payments executed and not reversed"),
)
LATE = counted(
    "late",
    Words("逾期里程碑", "逾期里程碑", "Overdue"),
    Words(
        "到期日已过而未达到的里程碑数",
        "到期日已過而未達到的里程碑數",
        "Milestones past their due day and not met",
    ),
)
TROUBLE = worded(
    "trouble",
    Words("需要关注的原因", "需要關注的原因", "What to look at"),
    TROUBLES,
    Words(
        "提示查看的原因，不是结论；多项时列最严重的一项",
        "提示查看的原因，不是結論；多項時列最嚴重的一項",
        "A reason to check, never a verdict; of several the gravest",
    ),
)
