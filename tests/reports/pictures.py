"""Renders every report to pictures for review: `python -m tests.reports.pictures FOLDER`.

Of each report the page (a browser's, wide and narrow) and each page of the PDF, from a running
nexus: NEXUS_URL, NEXUS_USER and NEXUS_PASSWORD name it and who reads.
"""

import os
import sys
from pathlib import Path
from struct import pack
from zlib import compress, crc32

import httpx
import pypdfium2
from playwright.sync_api import Page, sync_playwright

from nexus.reports.defined.catalogue import DEFINITIONS
from nexus.reports.words import Language

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
CHROMIUM = os.environ.get("NEXUS_CHROMIUM", "/usr/bin/chromium")


def main(folder: Path, languages: tuple[Language, ...] = (Language.ZH_HANS, Language.EN)) -> None:
    """Fill the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    address = os.environ.get("NEXUS_URL", "http://127.0.0.1:8000")
    with httpx.Client(base_url=address, follow_redirects=True, timeout=120) as client:
        client.post(
            "/reports/session",
            data={
                "grant_type": "client_credentials",
                "client_id": os.environ["NEXUS_USER"],
                "client_secret": os.environ["NEXUS_PASSWORD"],
            },
        ).raise_for_status()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page()
            page.set_content(client.get("/reports/").text)
            page.screenshot(path=folder / "index.png", full_page=True)
            for definition in DEFINITIONS:
                for language in languages:
                    _draw(client, page, definition.name, language, folder)
            browser.close()


def _draw(client: httpx.Client, page: Page, name: str, language: Language, folder: Path) -> None:
    path, asked = f"/reports/{name}", {"lang": language.value}
    answer = client.get(path, params=asked)
    if answer.status_code == 404:
        return
    answer.raise_for_status()
    for width in (1200, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.set_content(answer.text)
        page.screenshot(path=folder / f"{name}-{language}-{width}.png", full_page=True)
    paper = client.get(path, params={**asked, "format": "pdf"})
    paper.raise_for_status()
    for number, sheet in enumerate(pypdfium2.PdfDocument(paper.content), 1):
        drawn = sheet.render(scale=1.5, rev_byteorder=True, prefer_bgrx=False)
        rows = _rows(bytes(drawn.buffer), drawn.width * drawn.n_channels, drawn.stride)
        target = folder / f"{name}-{language}-page{number}.png"
        target.write_bytes(_png(drawn.width, drawn.height, rows))


def _rows(pixels: bytes, length: int, stride: int) -> bytes:
    """The lines of a picture, each behind the mark of no filter."""
    starts = range(0, len(pixels), stride)
    return b"".join(b"\0" + pixels[start : start + length] for start in starts)


def _png(width: int, height: int, rows: bytes) -> bytes:
    """A picture of 8 bits a channel, red, green and blue (PNG, ISO/IEC 15948)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))

    head = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    told = (chunk(b"IHDR", head), chunk(b"IDAT", compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(told)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
