"""A contract's work is evaluated: a drawn sample, three voices, the supplier's word, a grade.

Scenario 11: the scheme is not changed afterwards; an addendum corrects; the grade bars next year.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from tests.evaluation.scene import TEMPLATE, evaluating
from tests.journeys.teller import Teller
from tests.making import making, today
from tests.purchasing import bought

SEEN = """
query($id: ID!) { node(id: $id) { ... on Evaluation {
  state version total grade effect schemeVersion bodyScores report response allowedActions
  supplier { id } scheme { code revision }
  scores(first: 50) { nodes { body score evidence indicator { code } } }
  samples(first: 1) { nodes { seed commitment frame items(first: 9) { nodes { position
    finding } } } }
  addenda(first: 1) { nodes { state total grade corrections } }
  rectifications(first: 1) { nodes { id version state } }
  history(first: 100) { nodes { kind } } } } }
"""


async def _cast(api: Any, engine: AsyncEngine) -> tuple[dict[str, Teller], dict[str, Any]]:
    async with making(engine) as m:
        made = await bought.bought(m)
        visits = await bought.visits(m, made, 4)
        person = await m.recipient(made.home)
        await m.consent(person, purposes=["EVAL"], data_classes=["D2"])
        body, assessor = await evaluating(m)
        people = {
            "buyer": made.manager,
            "colleague": made.colleague,
            "supplier": made.lead,
            "evaluator": assessor,
            "auditor": await m.account(Role.AUDITOR, area_code="4401"),
            "stranger": await m.account(Role.BUYER, area_code="440304"),
        }
    things = {
        "contract": encode("Contract", made.contract.id),
        "item": encode("ContractItem", made.items[0].id),
        "evaluator": encode("Organization", body.id),
        "visits": [encode("Visit", one.id) for one in visits],
        "template": encode("EvaluationScheme", TEMPLATE),
    }
    return {name: Teller(api, one) for name, one in people.items()}, things


async def _scheme(cast: dict[str, Teller], things: dict[str, Any]) -> dict[str, Any]:
    """Written from the template by one person, put in force by another."""
    row = await cast["buyer"].do(
        "createScheme",
        "state revision",
        code="VISITS",
        title="探访服务评价",
        source="合同附件三",
        leastAnswers=1,
        templateId=things["template"],
    )
    refused = await cast["buyer"].try_("adoptScheme", id=row["id"], expectedVersion=row["version"])
    assert refused["code"] == "FORBIDDEN"
    return row | await cast["colleague"].move("adoptScheme", row)


async def _now(teller: Teller, row: dict[str, Any]) -> dict[str, Any]:
    data = await teller.see(SEEN, id=row["id"])
    return data["node"] | {"id": row["id"]}  # type: ignore[no-any-return]


async def _sampled(cast: dict[str, Teller], row: dict[str, Any], satisfaction: int) -> None:
    """The hashes first, then the draw; each client who agreed is asked."""
    evaluator = cast["evaluator"]
    sample = await evaluator.do(
        "commitSample", evaluationId=row["id"], expectedVersion=row["version"], size=3
    )
    assert (await _now(cast["buyer"], row))["samples"]["nodes"][0]["seed"] is None
    sample = await evaluator.move("drawSample", sample)
    for position in (1, 2, 3):
        sample = await evaluator.move(
            "recordSampleFinding", sample, position=position, finding="CONFIRMED"
        )
    await evaluator.move("askSampledClients", await _now(evaluator, row))
    asked = await evaluator.see(
        "{ clientFeedback(first: 9, filter: {state: [ASKED]}) { nodes { id version } } }"
    )
    for one in asked["clientFeedback"]["nodes"]:
        await evaluator.move("answerClientFeedback", one, satisfaction=satisfaction)
    await evaluator.move("tallyClientVoice", await _now(evaluator, row))


async def _scored(cast: dict[str, Teller], row: dict[str, Any], points: str) -> None:
    both = {"D1", "P3", "P4", "O1", "B1"}
    own = {"evaluator": both | {"D2", "P1", "P2", "O3", "B2"}, "buyer": both | {"O2"}}
    for who, leaves in own.items():
        for code in sorted(leaves):
            current = await _now(cast[who], row)
            await cast[who].move(
                "scoreIndicator", current, indicator=code, score=points, evidence="抽样记录属实"
            )


async def test_from_a_plan_to_a_bar_and_back(api: Any, engine: AsyncEngine) -> None:
    cast, things = await _cast(api, engine)
    for visit in things["visits"]:
        await cast["supplier"].do("claimFact", contractItemId=things["item"], happenedId=visit)
    scheme = await _scheme(cast, things)
    given = {
        "contractId": things["contract"],
        "schemeId": scheme["id"],
        "evaluatorId": things["evaluator"],
        "fromOn": (today() - timedelta(days=60)).isoformat(),
        "untilOn": today().isoformat(),
    }
    row = await cast["buyer"].do("planEvaluation", **given)
    row = await cast["evaluator"].move("startEvaluation", row)
    assert (await cast["stranger"].see(SEEN, id=row["id"]))["node"] is None
    await _sampled(cast, row, satisfaction=1)
    await _scored(cast, row, "50")
    hidden = await _now(cast["supplier"], row)
    assert (hidden["scores"]["nodes"], hidden["report"]) == ([], None)
    row = await cast["evaluator"].move(
        "draftEvaluation", await _now(cast["evaluator"], row), report="多项未达标。"
    )
    row = await cast["evaluator"].move("openEvaluationResponse", row)
    early = await cast["evaluator"].try_(
        "finalizeEvaluation", id=row["id"], expectedVersion=row["version"]
    )
    assert early["code"] == "RESPONSE_PENDING"
    read = await _now(cast["supplier"], row)
    assert len(read["scores"]["nodes"]) == 17
    assert "respondToEvaluation" in read["allowedActions"]
    row = await cast["supplier"].move("respondToEvaluation", read, response="人员不足，正在补充。")
    row = await cast["evaluator"].move("finalizeEvaluation", row)
    own = await cast["buyer"].try_(
        "publishEvaluation", id=row["id"], expectedVersion=row["version"]
    )
    assert own["code"] == "FORBIDDEN"
    await cast["colleague"].move("publishEvaluation", row)
    await _after(cast, things, row, scheme)


async def _after(
    cast: dict[str, Teller], things: dict[str, Any], row: dict[str, Any], scheme: dict[str, Any]
) -> None:
    """Everybody reads it; nobody changes it; an addendum corrects it; what was bad is put right."""
    public = await _now(cast["stranger"], row)
    assert (public["total"], public["grade"], public["effect"]) == (
        "35",
        "UNQUALIFIED",
        "BARRED",
    )
    assert public["schemeVersion"] == "VISITS/1"
    assert public["response"] == "人员不足，正在补充。"
    changed = await cast["buyer"].try_(
        "changeScheme", id=scheme["id"], expectedVersion=scheme["version"], title="改"
    )
    assert changed["code"] == "SCHEME_IN_FORCE"
    addendum = await cast["evaluator"].do(
        "proposeAddendum",
        "total grade",
        evaluationId=row["id"],
        expectedVersion=public["version"],
        statement="满意度录入有误，更正。",
        corrections=[{"indicator": "S1", "body": "CLIENT", "score": "100"}],
    )
    assert (addendum["total"], addendum["grade"]) == ("65", "QUALIFIED")
    await cast["colleague"].move("releaseAddendum", addendum)
    stands = await cast["auditor"].see(
        "query($s: [ID!]!) { supplierStandings(first: 5, filter: {supplier: $s}) "
        "{ nodes { year effect } } }",
        s=[public["supplier"]["id"]],
    )
    assert {one["effect"] for one in stands["supplierStandings"]["nodes"]} == {
        "BARRED",
        "RECTIFICATION",
    }
    current = await _now(cast["buyer"], row)
    opened = await cast["buyer"].do(
        "openRectification",
        evaluationId=row["id"],
        expectedVersion=current["version"],
        finding="走访记录不全",
    )
    early = await _now(cast["buyer"], row)
    refused = await cast["buyer"].try_(
        "closeEvaluation", id=row["id"], expectedVersion=early["version"]
    )
    assert refused["code"] == "RECTIFICATIONS_OPEN"
    opened = await cast["supplier"].move("submitRectification", opened, action="已补录")
    await cast["buyer"].move("verifyRectification", opened)
    await cast["buyer"].move("closeEvaluation", await _now(cast["buyer"], row))
    done = await _now(cast["auditor"], row)
    kinds = [one["kind"] for one in done["history"]["nodes"]]
    assert (done["state"], kinds[0], kinds[-1]) == (
        "CLOSED",
        "evaluation.planned",
        "evaluation.closed",
    )
    voice = await cast["buyer"].see(
        "query($id: ID!) { node(id: $id) { ... on Contract { clientVoice "
        "{ way asked answered responsePercent mean } } } }",
        id=things["contract"],
    )
    assert voice["node"]["clientVoice"] == [
        {"way": "FOLLOW_UP", "asked": 3, "answered": 3, "responsePercent": "100", "mean": "1"}
    ]
