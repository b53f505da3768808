"""A payload as a QR code (ISO/IEC 18004) that any telephone's camera reads."""

from urllib.parse import urlsplit

import segno

from nexus.core.refusals import Invalid

MOST = 300
"""Characters of a page's address: more makes the squares too small for a cheap camera."""
BORDER = 4
"""Modules of quiet zone, as the standard asks."""


def check_page(page: str | None) -> str | None:
    """An absolute http(s) address without a fragment or credentials; None for none."""
    if page is None:
        return None
    try:
        parts = urlsplit(page)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or "#" in page or "@" in page or len(page) > MOST or not page.isascii():
        raise Invalid(
            f"page is an http(s) address of at most {MOST} characters, without a #.", field="page"
        )
    return page


def qr(payload: str, page: str | None) -> str:
    """The payload, behind the page's # where there is one, as SVG text without a size."""
    made = segno.make_qr(f"{page}#{payload}" if page else payload, error="m", boost_error=False)
    svg: str = made.svg_inline(
        omitsize=True, border=BORDER, light="#fff", lineclass=None, svgclass=None
    )
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
