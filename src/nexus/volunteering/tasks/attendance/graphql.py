"""The code of this minute through the graph."""

from datetime import datetime

import strawberry

from nexus.graph.declare import mutation, record, result
from nexus.graph.identifiers import decode
from nexus.volunteering.tasks.attendance import operations, rules


@record
class AttendanceCode:
    """The codes of this minute; each is taken until the end of the next. Show the payloads as QR
    codes on the station's screen, and ask again at `changesAt`.

    `signInQr` and `signOutQr` are those QR codes: SVG without a size, black with its quiet zone.
    """

    sign_in: str
    sign_out: str
    sign_in_payload: str
    sign_out_payload: str
    sign_in_qr: str
    sign_out_qr: str
    changes_at: datetime


AttendanceCodeResult = result("AttendanceCode", AttendanceCode)


@strawberry.input
class AttendanceCodeInput:
    task_id: strawberry.ID
    page: str | None = strawberry.field(
        default=None,
        description="The http(s) address of a page that reads the payload behind its #: the QR "
        "codes lead there, so that any telephone's camera opens it.",
    )


@mutation(AttendanceCodeResult)
async def attendance_code(act, input: AttendanceCodeInput):  # type: ignore[no-untyped-def]
    """The codes that volunteers enter to sign in and out, for the organizer's screen."""
    page = rules.check_page(input.page)
    shown = await operations.attendance_code(act, decode(input.task_id, "VolunteerTask"))
    return {
        "signIn": shown.sign_in,
        "signOut": shown.sign_out,
        "signInPayload": shown.sign_in_payload,
        "signOutPayload": shown.sign_out_payload,
        "signInQr": rules.qr(shown.sign_in_payload, page),
        "signOutQr": rules.qr(shown.sign_out_payload, page),
        "changesAt": shown.changes_at.isoformat(),
    }
