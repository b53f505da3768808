"""The code of this minute through the graph."""

from datetime import datetime

import strawberry

from nexus.graph.declare import mutation, record, result
from nexus.graph.identifiers import decode
from nexus.volunteering.tasks.attendance import operations


@record
class AttendanceCode:
    """The codes of this minute; each is taken until the end of the next. Show the payloads as QR
    codes on the station's screen, and ask again at `changesAt`."""

    sign_in: str
    sign_out: str
    sign_in_payload: str
    sign_out_payload: str
    changes_at: datetime


AttendanceCodeResult = result("AttendanceCode", AttendanceCode)


@strawberry.input
class AttendanceCodeInput:
    task_id: strawberry.ID


@mutation(AttendanceCodeResult)
async def attendance_code(act, input: AttendanceCodeInput):  # type: ignore[no-untyped-def]
    """The codes that volunteers enter to sign in and out, for the organizer's screen."""
    shown = await operations.attendance_code(act, decode(input.task_id, "VolunteerTask"))
    return {
        "signIn": shown.sign_in,
        "signOut": shown.sign_out,
        "signInPayload": shown.sign_in_payload,
        "signOutPayload": shown.sign_out_payload,
        "changesAt": shown.changes_at.isoformat(),
    }
