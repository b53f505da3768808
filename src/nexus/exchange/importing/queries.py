"""Looking up what a line names."""

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.areas.queries import resolve_code
from nexus.areas.rules import UnknownCode
from nexus.exchange.profiles.model import LineEntry
from nexus.exchange.profiles.values import shown


async def item_code_of(
    session: AsyncSession, line: LineEntry, notes: list[str] | None
) -> str | None:
    """The profile's code, or the one the item's words mean, or its group's; None with a note."""
    if line.item_code is not None:
        return line.item_code
    try:
        return await resolve_code(session, "item", line.item)
    except UnknownCode:
        if notes is not None:
            kept = f"under {line.group_code}" if line.group_code else "in its own words"
            notes.append(f"{shown(line.item)} is no item of the code list: kept {kept}")
        return line.group_code
