"""What is asked: the documents, their varying parameters, and answers in one common form."""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bench.parties import NEED, Extent, uid
from bench.world import CATEGORIES, URGENCIES, pledgeable_line

SPENT = "Every line is pledged on: take fewer rounds or a larger --scale."

Values = dict[str, Any]
"""The parameters of one request, named alike for every system."""

_MATCH = "offer { project { name organization { name } } }"
_NEWEST = "orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]"
_LISTED = "orderBy: [LISTED_AT_DESC, PRIMARY_KEY_DESC]"
_ONE = "no category urgency state publicTitle neededBy station { no name }"
_PAGE = (
    "id: {id} no category urgency publicTitle publicSummary neededBy publishedAt "
    "station {{ no name }}"
)
_FLAT = (
    "id: {id} no category urgency subjectKind publicTitle publicSummary neededBy publishFrom "
    "state version publishedAt"
)
_AREA = "shownAreaCode: {greaterThanOrEqualTo: $area, lessThan: $areaEnd}"


@dataclass(frozen=True)
class Question:
    """One kind of request. Nexus, the bare limit and Strawberry get the same document."""

    name: str
    about: str
    caller: str
    document: str
    postgraphile: str
    draw: Callable[["Drawing"], Values]
    requests: int
    """Of one round, for the fast ones."""

    def body(self, values: Values) -> bytes:
        """The request as nexus, the limit and Strawberry get it."""
        return _body(self.document, _for_nexus(values))

    def postgraphile_body(self, values: Values) -> bytes:
        """The request as PostGraphile gets it."""
        return _body(self.postgraphile, _for_postgraphile(values))


@dataclass
class Drawing:
    """Draws parameters: chance for reads, one after the other for what can be pledged only once."""

    extent: Extent
    prefectures: list[str]
    chance: random.Random
    pledged: int = 0

    def need(self) -> Values:
        """Any need."""
        return {"need": self.chance.randrange(self.extent.needs)}

    def area(self) -> Values:
        """Any prefecture."""
        return {"area": self.chance.choice(self.prefectures)}

    def filters(self) -> Values:
        """A prefecture, two categories and two urgencies."""
        return self.area() | {
            "category": self.chance.sample(CATEGORIES, 2),
            "urgency": self.chance.sample(URGENCIES, 2),
        }

    def line(self) -> Values:
        """A line that nobody of the bench has pledged on."""
        if self.pledged >= self.extent.pledgeable:
            raise RuntimeError(SPENT)
        self.pledged += 1
        return {"line": self.pledged - 1}

    def skip(self, lines: int) -> None:
        """Leave so many lines to somebody who counts for himself."""
        if self.pledged + lines > self.extent.pledgeable:
            raise RuntimeError(SPENT)
        self.pledged += lines


def _body(document: str, variables: dict[str, Any]) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()


def global_id(type_name: str, key: object) -> str:
    """A Relay id of nexus."""
    return base64.b64encode(f"{type_name}:{key}".encode()).decode()


def _for_nexus(values: Values) -> dict[str, Any]:
    if "need" in values:
        return {"id": global_id("Need", uid(NEED, values["need"]))}
    if "line" in values:
        line = pledgeable_line(values["line"])
        given = {"lineId": global_id("NeedLine", line), "quantity": "1"}
        return {"input": given | {"idempotencyKey": f"bench-{line}"}}
    return values | {"urgency": [u.upper() for u in values.get("urgency", ())]}


def _for_postgraphile(values: Values) -> dict[str, Any]:
    if "need" in values:
        return {"id": str(uid(NEED, values["need"]))}
    if "line" in values:
        line = str(pledgeable_line(values["line"]))
        given = {"lineId": line, "quantity": "1", "idempotencyKey": f"bench-{line}"}
        return {"input": given}
    return values | {"areaEnd": values["area"] + "~"}


Q1 = Question(
    "Q1",
    "one need with its station and its matches → project → organisation",
    "coordinator",
    f"query Q1($id: ID!) {{ node(id: $id) {{ ... on Need {{ {_ONE} pledges(first: 10) "
    f"{{ nodes {{ no quantity state {_MATCH} }} }} }} }} }}",
    f"query Q1($id: UUID!) {{ node: need(rowId: $id) {{ {_ONE} pledges(first: 10, {_NEWEST}) "
    f"{{ nodes {{ no quantity state {_MATCH} }} }} }} }}",
    Drawing.need,
    1000,
)
Q2 = Question(
    "Q2",
    "a page of 50 published needs of a prefecture by category and urgency, each with its station "
    "and first 3 matches → project → organisation",
    "coordinator",
    "query Q2($area: String!, $category: [String!]!, $urgency: [Urgency!]!) { needs(first: 50, "
    "orderBy: PUBLISHED, filter: {state: [PUBLISHED], area: $area, category: $category, "
    "urgency: $urgency}) { pageInfo { hasNextPage endCursor } nodes { "
    + _PAGE.format(id="id")
    + f" pledges(first: 3) {{ nodes {{ no quantity state {_MATCH} }} }} }} }} }}",
    "query Q2($area: String!, $areaEnd: String!, $category: [String!]!, $urgency: [String!]!) { "
    f'needs(first: 50, {_LISTED}, filter: {{state: {{equalTo: "published"}}, {_AREA}, '
    "category: {in: $category}, urgency: {in: $urgency}}) "
    "{ pageInfo { hasNextPage endCursor } nodes { "
    + _PAGE.format(id="rowId")
    + f" pledges(first: 3, {_NEWEST}) {{ nodes {{ no quantity state {_MATCH} }} }} }} }} }}",
    Drawing.filters,
    200,
)
Q3 = Question(
    "Q3",
    "1,000 needs × 12 scalar fields",
    "coordinator",
    "query Q3($area: String!) { needs(first: 1000, orderBy: PUBLISHED, "
    f"filter: {{state: [PUBLISHED], area: $area}}) {{ nodes {{ {_FLAT.format(id='id')} }} }} }}",
    "query Q3($area: String!, $areaEnd: String!) { "
    f'needs(first: 1000, {_LISTED}, filter: {{state: {{equalTo: "published"}}, {_AREA}}}) '
    f"{{ nodes {{ {_FLAT.format(id='rowId')} }} }} }}",
    Drawing.area,
    60,
)
Q4 = Question(
    "Q4",
    "one field of one need",
    "coordinator",
    "query Q4($id: ID!) { node(id: $id) { ... on Need { state } } }",
    "query Q4($id: UUID!) { node: need(rowId: $id) { state } }",
    Drawing.need,
    2000,
)
_PLEDGE = "quantity state need { publicTitle } organization { name }"
M1 = Question(
    "M1",
    "a pledge: the ledger's rows, event and idempotency key in one transaction, and its answer",
    "charity",
    "mutation M1($input: OfferPledgeInput!) { offerPledge(input: $input) "
    f"{{ ... on Pledge {{ {_PLEDGE} }} ... on Refusal {{ code message }} }} }}",
    "mutation M1($input: BenchOfferPledgeInput!) { offerPledge: benchOfferPledge(input: $input) "
    f"{{ pledge: result {{ {_PLEDGE} }} }} }}",
    Drawing.line,
    300,
)
QUESTIONS = {question.name: question for question in (Q1, Q2, Q3, Q4, M1)}

_TOLD = (
    "query QP($area: String!, $category: [String!]!, $urgency: [Urgency!]!) { needs(first: 50, "
    "orderBy: PUBLISHED, filter: {state: [PUBLISHED], visibility: [PUBLIC, PARTNERS], "
    "area: $area, category: $category, urgency: $urgency}) { pageInfo { hasNextPage endCursor } "
    "nodes { " + _FLAT.format(id="id") + " } } }"
)
POLICY = Question(
    "QP",
    "a page of 50 needs told to partners, 12 fields",
    "charity",
    _TOLD,
    "",
    Drawing.filters,
    200,
)
"""A page that a charity and the administrator see alike, for the cost of the row policy."""


def line_of(values: Values) -> str:
    """The id of the line that a pledge is for."""
    return str(pledgeable_line(values["line"]))


def plain(answer: Any) -> Any:
    """An answer in one form: ids bare, enums in capitals, numbers alike, cursors only present."""
    if isinstance(answer, dict):
        shown = {key: _value(key, value) for key, value in answer.items() if key != "__typename"}
        return shown["pledge"] if set(shown) == {"pledge"} else shown
    return [plain(one) for one in answer] if isinstance(answer, list) else answer


def _value(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return plain(value)
    if key == "endCursor":
        return True
    if key in ("state", "urgency", "subjectKind"):
        return value.upper()
    if key == "quantity":
        return str(Decimal(value).normalize())
    if key == "id" and ":" not in value and "-" not in value:
        return base64.b64decode(value).decode().partition(":")[2]
    if key.endswith("At"):
        return datetime.fromisoformat(value).isoformat()
    return value
