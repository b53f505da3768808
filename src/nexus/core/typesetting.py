"""PDF by Typst: a template of ours and JSON data; what people typed is never markup.

The result is PDF/UA-1, which a screen reader can read. A character that no font has is an error,
not an empty box: Chinese needs `fonts-noto-cjk`, or fonts in the folder NEXUS_FONT_DIR names.
"""

import json
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from nexus.core.refusals import Refusal

SYSTEM_FONTS = Path("/usr/share/fonts/opentype/noto")
FONT = "Noto Sans CJK SC"
"""The family that templates use; one file of it serves all of Chinese, Japanese and Korean."""
FONT_PACKAGE = "fonts-noto-cjk"


class FontMissing(Refusal):
    """No font for Chinese is there."""

    code = "FONT_MISSING"


class TypesettingFailed(Exception):  # noqa: N818 - the fault is ours, not the caller's
    """The template or its data do not make a document; the message is the typesetter's."""


def fonts_in(given: Path | None) -> typst.Fonts:
    """The fonts of `given` (NEXUS_FONT_DIR), else of Debian's package. FontMissing."""
    folder = given or SYSTEM_FONTS
    found = _read(folder) if folder.is_dir() else None
    if found is None or FONT not in found.families():
        raise FontMissing(
            f"No font '{FONT}' is in {folder}: install the package {FONT_PACKAGE}, or let "
            "NEXUS_FONT_DIR name a folder that has it.",
            package=FONT_PACKAGE,
        )
    return found


@lru_cache(maxsize=4)
def _read(folder: Path) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=[folder])


@cache
def template_in(package: str) -> str:
    """The Typst template of a package, its `paper.typ`."""
    return resources.files(package).joinpath("paper.typ").read_text("utf-8")


def typeset(template: str, data: Any, *, fonts: typst.Fonts, made_at: datetime) -> bytes:
    """The PDF of a Typst template that reads its data by `json(bytes(sys.inputs.data))`.

    Takes a fifth of a second of CPU: call it in a thread. TypesettingFailed.
    """
    try:
        made: bytes = typst.compile(
            template.encode(),
            font_paths=fonts,
            format="pdf",
            pdf_standards="ua-1",
            timestamp=int(made_at.timestamp()),
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        )
    except typst.TypstError as error:
        raise TypesettingFailed(str(error)) from None
    return made
