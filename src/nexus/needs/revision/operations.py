"""Revising an imported need in whatever open state it is: its lines keep their allocations."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Unpack
from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed, WrongState
from nexus.needs import model, policy, queries, rules
from nexus.needs.drafts.operations import apply_changes, make_line
from nexus.needs.rules import LineInput, NeedChanges

_FINAL = (model.NeedState.CLOSED, model.NeedState.REJECTED, model.NeedState.CANCELLED)


async def revise_imported(
    act: Act, need_id: UUID, *, lines: Sequence[LineInput], **changes: Unpack[NeedChanges]
) -> model.Need:
    """The need as its source has it now, in its present state.

    A line is known by item, kind and unit. One that is no longer asked for stays with its history
    and takes no pledges; a quantity never drops below what is bound to it (INV-06). The public text
    of a published need is checked as at its release (INV-13).
    """
    row = await queries.take_need(act, need_id)
    act.permit(policy.may_release, row)
    if row.state in _FINAL:
        raise WrongState(
            f"This need is {row.state.value} here, its source has changed: reopen it, or record a "
            "new one.",
            rule="INV-21",
            state=row.state.name,
        )
    checked = rules.check_lines(lines)
    await apply_changes(act, row, changes)
    present = await queries.take_lines(act.session, row.id)
    added = await _revise_lines(act, row, present, checked)
    row.version += 1
    await act.session.flush()
    if row.state is model.NeedState.PUBLISHED:
        _check_public(row, [*present, *added])
    act.record("need.revised", row, fields=sorted([*changes, "lines"]))
    return row


async def _revise_lines(
    act: Act, row: model.Need, present: Sequence[model.NeedLine], wanted: Sequence[LineInput]
) -> list[model.NeedLine]:
    """Change the lines in place; the new ones are returned."""
    known: dict[tuple[str, str, str], list[model.NeedLine]] = defaultdict(list)
    for line in present:
        known[line.item, line.kind, line.unit].append(line)
    at = max((line.position for line in present), default=0)
    published = row.state is model.NeedState.PUBLISHED and not row.confirm_needed
    added = []
    for given in wanted:
        unit = given.unit or rules.USUAL_UNIT[given.kind]
        same = known[given.item, given.kind, unit]
        if same:
            _revise(same.pop(0), given)
            continue
        at += 1
        added.append(await make_line(act, row, given, at))
    for line in (gone for rest in known.values() for gone in rest):
        _end(line)
    for line in present:
        line.category, line.area_code = row.category, row.area_code
        line.published = published and line.asked and not line.held
    for line in added:
        line.published = published
    act.session.add_all(added)
    return added


def _revise(line: model.NeedLine, given: LineInput) -> None:
    quantity, bound = given.quantity_required, rules.live(line)
    if quantity is not None and quantity < bound:
        raise GuardFailed(
            f"Line {line.position} ({line.item}): {quantity} {line.unit} are asked for now, but "
            f"{bound} are pledged or delivered: release pledges first.",
            field=line.item,
            rule="INV-06",
            line=line.position,
            minimum=bound,
            asked=quantity,
        )
    line.quantity_required = quantity
    line.specification = given.specification
    line.item_code = given.item_code
    line.asked = True


def _end(line: model.NeedLine) -> None:
    under_way = line.reserved + line.committed
    if under_way > 0:
        raise GuardFailed(
            f"Line {line.position} ({line.item}) is no longer asked for, but {under_way} "
            f"{line.unit} are under way: release or deliver them first.",
            field=line.item,
            rule="INV-06",
            line=line.position,
            minimum=under_way,
        )
    line.asked = False
    line.published = False


def _check_public(row: model.Need, lines: Sequence[model.NeedLine]) -> None:
    named = {
        "publicTitle": row.public_title,
        "publicSummary": row.public_summary,
        "groupName": row.group_name,
    }
    rules.check_public_text({**named, **rules.line_texts(lines)})
