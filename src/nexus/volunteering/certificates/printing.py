"""A certificate as a page to hand over: its words, and the PDF made of them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import typst

from nexus.core.typesetting import template_in, typeset
from nexus.volunteering.certificates import model, rules
from nexus.volunteering.hours.rules import as_hours

TITLE = "志愿服务证明"
TITLE_EN = "Certificate of volunteer service"


def content(
    row: model.Certificate,
    *,
    name: str,
    national_no: str | None,
    issuer: str,
    handler: str,
    in_charge: str,
    issued_on: date,
    lines: Sequence[tuple[str, date, int]],
    address: str,
) -> dict[str, Any]:
    """What is printed (2015 guidance, Order 67): strings only. `address` is the checking page's."""
    last = row.until_on - timedelta(days=1)
    hours = as_hours(row.total_minutes)
    assert row.code is not None
    facts = {
        "志愿者编号 Volunteer number": national_no or "—",
        "出具单位 Issuer": issuer,
        "负责人 Person in charge": in_charge,
        "经办人 Handler": handler,
        "出具日期 Date of issue": issued_on.isoformat(),
    }
    return {
        "title": TITLE,
        "title_en": TITLE_EN,
        "no": row.no,
        "issuer": issuer,
        "statement": (
            f"兹证明 {name} 于 {row.from_on} 至 {last} 期间参加我单位组织的志愿服务，"
            f"记录服务时间合计 {hours} 小时。"
        ),
        "statement_en": (
            f"{name} took part in volunteer service organized by us from {row.from_on} to {last}; "
            f"the recorded time is {hours} hours in all."
        ),
        "lines": [
            {
                "day": day.isoformat(),
                "task": task,
                "minutes": str(minutes),
                "hours": str(as_hours(minutes)),
            }
            for task, day, minutes in lines
        ],
        "total_minutes": str(row.total_minutes),
        "total_hours": str(hours),
        "facts": [{"label": label, "value": value} for label, value in facts.items()],
        "code": rules.shown_code(row.code),
        "where": f"本证明免费出具，可凭验证码查验 Free of charge; check it at {address}",
    }


def as_pdf(told: dict[str, Any], *, fonts: typst.Fonts, made_at: datetime) -> bytes:
    """PDF/UA-1. Takes a fifth of a second of CPU: call it in a thread."""
    return typeset(template_in(__package__), told, fonts=fonts, made_at=made_at)
