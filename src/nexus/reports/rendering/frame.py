"""What every page of the reports has around it."""

from functools import cache
from html import escape
from importlib import resources

from nexus.reports.words import Language

LANGUAGE_NAMES = {
    Language.ZH_HANS: "简体中文",
    Language.ZH_HANT: "繁體中文",
    Language.EN: "English",
}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@cache
def style() -> str:
    """The look of all pages, on a screen and on paper."""
    return resources.files(__package__).joinpath("frame.css").read_text("utf-8")


def page(title: str, body: str, language: Language) -> bytes:
    """A whole page around `body`, which is markup already."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · nexus</title><style>{style()}</style></head>"
        f"<body><main>{body}</main></body></html>"
    ).encode()
