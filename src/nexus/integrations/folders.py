"""Folders shared with a foreign system: files appear whole or not at all, and are never trusted.

    <root>/<partner>/outbox/     written here, taken away by the partner
    <root>/<partner>/ack/        the partner's acknowledgements
    <root>/<partner>/inbox/      the partner's messages, each answered …
    <root>/<partner>/answers/    … here, under the same name

A file is written under a name that ends in `.part` and renamed when it is whole; names that end
so are left alone, and so is what is no plain file or has a strange name.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OUTBOX, ACK, INBOX, ANSWERS = "outbox", "ack", "inbox", "answers"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.json", re.ASCII)
PART = ".part"
MAX_FILE = 64 * 1024
AT_ONCE = 200
"""Files that are looked at in one go, in the order of their names."""


@dataclass(frozen=True)
class Found:
    """A file of the partner's; no content when it is too big."""

    name: str
    content: bytes | None


class Folders:
    """The folders below one root. Methods block: call them in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, folder: str) -> None:
        """Make the four folders, if they are not there."""
        for part in (OUTBOX, ACK, INBOX, ANSWERS):
            place = self.root / folder / part
            place.mkdir(parents=True, exist_ok=True)
            if place.is_symlink():
                raise NotADirectoryError(part)

    def write(self, folder: str, part: str, name: str, content: bytes) -> None:
        """A whole file, in place of one of that name. OSError when the disk refuses."""
        self.open(folder)
        target = self.root / folder / part / name
        unfinished = target.with_name(name + PART)
        # Whatever the partner put there in its place is not followed.
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o660)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)

    def read(self, folder: str, part: str) -> list[Found]:
        """What lies in one of the partner's folders, the lowest names first."""
        place = self.root / folder / part
        if place.is_symlink():
            return []
        try:
            with os.scandir(place) as entries:
                names = sorted(
                    entry.name
                    for entry in entries
                    if NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
                )
        except OSError:
            return []
        return [Found(name, _content(place / name)) for name in names[:AT_ONCE]]

    def remove(self, folder: str, part: str, name: str) -> None:
        """Take a file away, if it is still there."""
        with suppress(OSError):
            (self.root / folder / part / name).unlink()


def _content(path: Path) -> bytes | None:
    """The bytes of a small file; None when it is not, or is no plain file any more."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE:
            return None
        content = os.read(handle, MAX_FILE + 1)
    except OSError:
        return None
    finally:
        os.close(handle)
    return content if len(content) <= MAX_FILE else None
