"""The font that PDF is set in: found, or installed where that may be done, or loudly missing."""

import os
import shutil
import subprocess
from pathlib import Path

import typst

from nexus.core.typesetting import FONT_PACKAGE, FontMissing, fonts_in

INSTALL = (
    *("apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"),
    FONT_PACKAGE,
)


def fonts() -> typst.Fonts:
    """As the service finds them. FontMissing names the package: the test fails, it is not skipped.

    NEXUS_FONT_DIR names another folder. Root on a Debian installs the package.
    """
    given = os.environ.get("NEXUS_FONT_DIR")
    folder = Path(given) if given else None
    try:
        return fonts_in(folder)
    except FontMissing:
        if given or os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
    for command in (("apt-get", "update"), INSTALL):
        subprocess.run(command, check=False, capture_output=True)
    return fonts_in(folder)
