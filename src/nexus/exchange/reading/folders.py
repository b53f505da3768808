"""A path becomes the rows of its file, or of every file below it, in the order of their names."""

from collections.abc import Iterator
from pathlib import Path

from nexus.exchange.reading import delimited, documents, workbooks
from nexus.exchange.reading.tables import LIMITS, FileRefused, Layout, Row

DOCUMENTS = frozenset({".json", ".jsonl", ".ndjson"})
_DELIMITED = frozenset({".csv", ".tsv", ".txt"})
_WORKBOOKS = frozenset({".xlsx", ".xlsm"})
READABLE = DOCUMENTS | _DELIMITED | _WORKBOOKS


def files_below(path: Path) -> tuple[list[Path], list[str]]:
    """(readable files in the order of their paths, names passed over). No link is followed out."""
    if not path.exists():
        raise FileRefused(f"{path.name}: there is no such file or folder.", reason="not_found")
    if path.is_file():
        if path.suffix.lower() not in READABLE:
            raise FileRefused(
                f"{path.name}: not a kind of file this reads ({', '.join(sorted(READABLE))}).",
                reason="format",
            )
        return [path], []
    inside = sorted(
        (each for each in path.rglob("*") if each.is_file() and not each.is_symlink()),
        key=lambda each: each.relative_to(path).parts,
    )
    taken = [each for each in inside if each.suffix.lower() in READABLE and each.name[0] != "."]
    if not taken:
        raise FileRefused(
            f"{path.name}: no file in this folder can be read ({', '.join(sorted(READABLE))}).",
            reason="no_files",
        )
    if len(taken) > LIMITS.files:
        raise FileRefused(f"{path.name}: more than {LIMITS.files} files.", reason="too_many_files")
    passed = set(inside) - set(taken)
    return taken, sorted(each.relative_to(path).as_posix() for each in passed)


def rows_of(files: list[Path], root: Path, layout: Layout) -> Iterator[Row]:
    """The rows of the files one after the other; FileRefused at the first bad file."""
    for path in files:
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        for count, row in enumerate(_of_file(path, layout, file=name), 1):
            if count > LIMITS.rows:
                raise FileRefused(
                    f"{name}: more than {LIMITS.rows} rows: split it.", reason="too_large"
                )
            yield row


def count_rows(files: list[Path], root: Path, layout: Layout) -> int:
    """How many rows to expect, for a progress bar: of delimited files about, by their lines."""
    exact = [path for path in files if path.suffix.lower() not in _DELIMITED]
    lines = sum(_lines(path) for path in files if path.suffix.lower() in _DELIMITED)
    return lines + sum(1 for _ in rows_of(exact, root, layout))


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return max(sum(1 for _ in file) - 1, 0)


def _of_file(path: Path, layout: Layout, *, file: str) -> Iterator[Row]:
    size = path.stat().st_size
    if size > LIMITS.file_bytes:
        raise FileRefused(
            f"{file}: {size >> 20} MiB, more than {LIMITS.file_bytes >> 20}: split it.",
            reason="too_large",
        )
    if size == 0:
        raise FileRefused(f"{file}: the file is empty.", reason="empty", file=file)
    place = {"folder": path.resolve().parent.name, "stem": path.stem}
    suffix = path.suffix.lower()
    if suffix in _WORKBOOKS:
        return workbooks.rows_of(path, layout, file=file, place=place)
    read = documents.rows_of if suffix in DOCUMENTS else delimited.rows_of
    return read(path.read_bytes(), layout, file=file, place=place)
