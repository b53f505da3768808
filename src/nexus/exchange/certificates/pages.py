"""The plain page on which anybody checks a certificate: no script, no identity."""

from html import escape
from typing import Any

STYLE = (
    "body{font:1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem}"
    "dt{color:#555}dd{margin:0 0 .6rem}.standing{font-size:1.4rem;font-weight:600}"
    "input{font:inherit;padding:.4rem;width:100%;box-sizing:border-box}"
    "button{font:inherit;padding:.4rem 1rem;margin-top:.6rem}"
)
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}
STANDINGS = {
    "ISSUED": ("有效 valid", "证明有效。 It holds."),
    "REVOKED": ("已撤销 revoked", "证明已撤销，不再有效。 It holds no longer: it was revoked."),
    "SUPERSEDED": (
        "已被更正 superseded",
        "所载时长已更正，请索取新证明。 Its hours were corrected: ask for the new one.",
    ),
}


def form(said: str = "") -> bytes:
    """Where a code is entered; `said` is what was wrong with the last one."""
    told = f'<p role="status">{escape(said)}</p>' if said else ""
    return _page(
        "查验志愿服务证明 Check a certificate of volunteer service",
        f'{told}<form action="/certificates" method="get"><label for="code">验证码 Code</label>'
        '<input id="code" name="code" required maxlength="64" autocomplete="off" '
        'spellcheck="false"><button>查验 Check</button></form>',
    )


def standing(told: Any) -> bytes:
    """What is told of a certificate: whether it holds, its hours, issuer and date."""
    name, sentence = STANDINGS[told.standing]
    facts = {
        "状态 Standing": name,
        "编号 No.": told.no,
        "服务时长（小时） Hours": f"{told.total_hours} h ({told.total_minutes} min)",
        "服务期间 Period": f"{told.from_on} – {told.until_on} (不含 not included)",
        "出具单位 Issuer": told.issuer,
        "出具日期 Date of issue": str(told.issued_on),
    }
    if told.ended_on is not None:
        facts["失效日期 Ended on"] = str(told.ended_on)
    listed = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in facts.items()
    )
    return _page(
        "志愿服务证明查验结果 Certificate of volunteer service",
        f'<p class="standing" role="status">{escape(sentence)}</p><dl>{listed}</dl>'
        "<p>本页不显示志愿者身份。 This page never says whose certificate it is.</p>",
    )


def _page(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    ).encode()
