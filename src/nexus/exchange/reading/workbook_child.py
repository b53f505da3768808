"""Reads one workbook in a process of its own that has little memory, little time and no friends.

Run by path as `python -I workbook_child.py FILE MEMORY_BYTES SECONDS`. Standard output carries one
JSON array a row, `[sheet, row number, cells]`; numbers are JSON numbers, dates `{"date": ISO}`.
"""

import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return {"date": value.isoformat()}
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value != "" else None


def main(path: str, memory_bytes: int, seconds: int) -> None:
    """Limit this process, then print the rows of every visible sheet."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    write = sys.stdout.write
    with CalamineWorkbook.from_path(path) as book:
        for about in book.sheets_metadata:
            if about.visible is not SheetVisibleEnum.Visible:
                continue
            sheet = book.get_sheet_by_name(about.name)
            write(json.dumps([about.name, 0, []]) + "\n")
            if sheet.height:
                for number, row in enumerate(sheet.iter_rows(), 1):
                    write(json.dumps([about.name, number, [_plain(cell) for cell in row]]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
