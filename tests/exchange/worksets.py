"""The document by which a device fetches its working set, what it keeps, and a visit to make."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.casework.cases.model import Case
from nexus.casework.visits.model import Visit, VisitKind
from tests.casework.desk import Station1
from tests.conftest import Api
from tests.making import making, now, number, today

SYNC = """
query ($since: String) {
  syncWorkset(since: $since) {
    nextCursor hasMore complete
    entries {
      objectType objectId removed householdId parentId
      node {
        __typename id
        ... on Case {
          no version caseState: state caseType riskTier opening stageAt planVersion reviewDueAt
          closeReason allowedActions recipient { id }
        }
        ... on Visit {
          no version visitState: state visitKind: kind tier windowFrom windowTo dueOn performedAt
          minutes findings summary danger changeReported allowedActions
        }
        ... on Household { no version area { code } }
        ... on Recipient { version birthYear gender }
        ... on Assessment {
          no version assessmentState: state answers score tierFound: riskTier assessedOn
          instrument { id }
        }
        ... on CaseNote { version level noteText: text happenedAt noteState: state }
        ... on CasePlan { version number summary planState: state }
        ... on Goal { version goalText: text measure targetOn goalState: state }
        ... on Need {
          no version needState: state category urgency publicTitle
        }
        ... on FieldEdit { version field before after state madeAt subject { id } }
      }
    }
  }
}
"""


async def sync(api: Api, account: Account, since: str | None = None) -> dict[str, Any]:
    """One answer of `syncWorkset`."""
    answer = await api(account)(SYNC, since=since)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["syncWorkset"]
    return found


def kept(answer: dict[str, Any]) -> dict[str, str]:
    """Id → type of what the answer brings."""
    return {e["objectId"]: e["objectType"] for e in answer["entries"] if not e["removed"]}


def gone(answer: dict[str, Any]) -> set[str]:
    """Ids of what the answer takes away."""
    return {e["objectId"] for e in answer["entries"] if e["removed"]}


async def visit_for(engine: AsyncEngine, desk: Station1, file: Case, **fields: Any) -> Visit:
    """A visit of the case, to be made within a week."""
    async with making(engine) as m:
        row = Visit(
            **{
                "no": number("V"),
                "household_id": file.household_id,
                "case_id": file.id,
                "station_id": desk.station.id,
                "worker_id": desk.post.id,
                "kind": VisitKind.HOME,
                "window_from": today(),
                "window_to": today() + timedelta(days=8),
                "due_on": today() + timedelta(days=7),
                "created_at": now(),
                "created_by": desk.worker.id,
            }
            | fields
        )
        await m.put(row)
        return row
