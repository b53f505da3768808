"""The pages around the reports: signing in, the list of what there is, what went wrong."""

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from nexus.reports.asking import Definition
from nexus.reports.model import ReportSnapshot
from nexus.reports.rendering.cells import moment
from nexus.reports.rendering.frame import LANGUAGE_NAMES, page
from nexus.reports.words import Language, Words

SIGN_IN = Words("登录查看报告", "登入查看報告", "Sign in to the reports")
USERNAME = Words("用户名", "用戶名", "Username")
PASSWORD = Words("密码", "密碼", "Password")
OTP = Words("动态验证码（如已启用）", "動態驗證碼（如已啟用）", "Code of your device, if any")
ENTER = Words("登录", "登入", "Sign in")
LEAVE = Words("退出", "登出", "Sign out")
REPORTS = Words("报告", "報告", "Reports")
KEPT = Words("已固定的报告", "已固定的報告", "Kept reports")
NOTHING_KEPT = Words("还没有固定的报告。", "還沒有固定的報告。", "No report has been kept yet.")
NONE = Words(
    "您的角色没有报告。请向主管部门申请。",
    "您的角色沒有報告。請向主管部門申請。",
    "There are no reports for your role: ask your authority.",
)
FREEZE = Words("固定此报告", "固定此報告", "Keep this report as it is")
AREA = Words("区划代码", "區劃代碼", "Area code")
FROM = Words("自", "自", "From")
UNTIL = Words("至（不含）", "至（不含）", "Until (not included)")
SHOW = Words("显示", "顯示", "Show")
PROBLEM = Words("无法显示", "無法顯示", "This cannot be shown")
BACK = Words("返回全部报告", "返回全部報告", "Back to all reports")


def _languages(path: str, language: Language) -> str:
    links = " ".join(
        f'<a href="{path}?lang={one}" lang="{one}" hreflang="{one}">{name}</a>'
        for one, name in LANGUAGE_NAMES.items()
        if one is not language
    )
    return f'<span class="languages">{links}</span>'


def sign_in(language: Language, problem: str = "") -> bytes:
    """The form; `problem` is what was wrong with the last attempt."""
    said = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return page(
        SIGN_IN.said(language),
        f'<nav class="crumbs"><span>nexus</span>{_languages("/reports/sign-in", language)}</nav>'
        f"<h1>{escape(SIGN_IN.said(language))}</h1>{said}"
        f'<form method="post" action="/reports/session?lang={language}">'
        '<input type="hidden" name="grant_type" value="client_credentials">'
        f'<label for="name">{escape(USERNAME.said(language))}</label>'
        '<input id="name" name="client_id" required autocomplete="username" maxlength="200">'
        f'<label for="word">{escape(PASSWORD.said(language))}</label>'
        '<input id="word" name="client_secret" type="password" required '
        'autocomplete="current-password" maxlength="500">'
        f'<label for="otp">{escape(OTP.said(language))}</label>'
        '<input id="otp" name="otp" autocomplete="one-time-code" inputmode="numeric" '
        f'maxlength="40"><p><button class="first">{escape(ENTER.said(language))}</button></p>'
        "</form>",
        language,
    )


def index(
    definitions: Sequence[Definition], kept: Sequence[ReportSnapshot], language: Language
) -> bytes:
    """What there is for the reader: each report with its question, then what was kept."""
    leave = (
        f'<form method="post" action="/reports/sign-out?lang={language}">'
        f"<button>{escape(LEAVE.said(language))}</button></form>"
    )
    cards = "".join(
        f'<li><a href="/reports/{one.name}?lang={language}">{escape(one.title.said(language))}</a>'
        f"<p>{escape(one.question.said(language))}</p></li>"
        for one in definitions
    )
    listed = f'<ul class="cards">{cards}</ul>' if cards else f"<p>{NONE.said(language)}</p>"
    return page(
        REPORTS.said(language),
        f'<nav class="crumbs"><span>nexus</span>{_languages("/reports/", language)}</nav>'
        f"<h1>{escape(REPORTS.said(language))}</h1>{listed}"
        f"<h2>{escape(KEPT.said(language))}</h2>{_kept(kept, language)}{leave}",
        language,
    )


def _kept(kept: Sequence[ReportSnapshot], language: Language) -> str:
    if not kept:
        return f"<p>{escape(NOTHING_KEPT.said(language))}</p>"
    rows = "".join(
        f'<tr><th scope="row"><a href="/reports/frozen/{row.id}?lang={language}">'
        f"{escape(row.no)}</a></th><td>{escape(row.name)} v{row.definition_version}</td>"
        f"<td>{escape(row.area_code)}</td>"
        f"<td>{moment(row.found_at)}</td><td>{row.hash[:12]}</td></tr>"
        for row in kept
    )
    return f'<div class="grid"><table><tbody>{rows}</tbody></table></div>'


def chooser(path: str, asked: dict[str, str], language: Language) -> str:
    """The form that asks for another area or period, and the button that keeps the report."""
    fields = "".join(
        f'<div><label for="{name}">{escape(words.said(language))}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" '
        f'value="{escape(asked.get(name, ""))}"></div>'
        for name, words, kind in (
            ("area", AREA, "text"),
            ("from", FROM, "date"),
            ("until", UNTIL, "date"),
        )
    )
    kept = {name: asked[name] for name in ("area", "from", "until", "lang") if asked.get(name)}
    return (
        f'<div class="actions"><form class="asked" method="get" action="{path}">{fields}'
        f'<input type="hidden" name="lang" value="{language}">'
        f"<button>{escape(SHOW.said(language))}</button></form>"
        f'<form method="post" action="{path}/freeze?{escape(urlencode(kept))}">'
        f"<button>{escape(FREEZE.said(language))}</button></form></div>"
    )


def problem(message: str, language: Language) -> bytes:
    """Why there is nothing to see, and the way back."""
    return page(
        PROBLEM.said(language),
        f'<h1>{escape(PROBLEM.said(language))}</h1><p class="problem" role="alert">'
        f'{escape(message)}</p><p><a href="/reports/?lang={language}">'
        f"{escape(BACK.said(language))}</a></p>",
        language,
    )
