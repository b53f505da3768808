"""What a reference of a planned purchase may be, and which counts may be told."""

import re

from nexus.core.refusals import Invalid

SMALL = 5
"""Counts below it could tell of a person: they are withheld (INV-16)."""
MAX_REFERENCE = 64
_REFERENCE = re.compile(r"[\w./〔〕()（）-]+")


def check_reference(text: str) -> str:
    """A code such as GZ-2027-014 or 采购〔2027〕14号: no spaces, so no sentence."""
    found = text.strip()
    if not 0 < len(found) <= MAX_REFERENCE or not _REFERENCE.fullmatch(found):
        raise Invalid(
            f"Give the reference of the planned purchase: up to {MAX_REFERENCE} letters, digits, "
            "dots, slashes, brackets and hyphens.",
            field="reference",
        )
    return found
