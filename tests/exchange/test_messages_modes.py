"""One scenario in three ways: called, by file, and pulled, an authority learns the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, View, system
from nexus.checks import CHECKS
from nexus.core.refusals import IdempotencyKeyReused
from nexus.exchange.messages.model import ExchangeMessage, MessageState, PartnerMode
from nexus.exchange.messages.rules import hash_of
from nexus.matching.replies.model import ReplyReason, ReplyStatus
from nexus.needs.model import NeedState
from nexus.supervision.alerts.model import Alert
from nexus.supervision.operations import verify
from tests.deeds import events_of, reread
from tests.exchange.messaging import Authority
from tests.exchange.receiving import rows_of, verified
from tests.making import making, now

COUNTY = "440103"


@pytest.fixture(params=list(PartnerMode), ids=lambda mode: mode.value)
async def authority(request: Any, engine: AsyncEngine, tmp_path: Path) -> Authority:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
    return await Authority(engine, request.param, account, tmp_path).open()


async def a_need(authority: Authority, **given: Any) -> Any:
    async with making(authority.engine) as m:
        return await m.need(
            publisher_id=authority.account.organization_id, **({"state": "published"} | given)
        )


async def test_news_of_a_need_reaches_its_authority_once(authority: Authority) -> None:
    need = await a_need(authority)
    await authority.tell("need.published", need)
    await authority.carry()
    (body,) = authority.taken
    assert (body["type"], body["sequence"]) == ("need.published", 1)
    assert body["data"]["need"]["no"] == need.no
    (message,) = await authority.messages()
    assert (message.state, message.attempts) == (MessageState.ACKED, 1)
    assert json.loads(message.body) == body
    assert message.payload_hash == hash_of(message.body)
    assert body["id"] == message.idempotency_key
    await authority.carry_for(days=3)
    assert len(authority.taken) == 1


async def test_what_is_said_names_nobody(authority: Authority) -> None:
    need = await a_need(authority)
    await authority.tell("need.published", need)
    await authority.carry()
    told = json.dumps(authority.taken, ensure_ascii=False)
    for secret in (need.household_id, need.recipient_id, need.public_title, need.public_summary):
        assert secret is None or (
            str(secret) not in told and str(secret).replace("-", "") not in told
        )


async def test_other_authorities_hear_nothing(authority: Authority) -> None:
    async with making(authority.engine) as m:
        foreign = await m.need(state="published")
    await authority.tell("need.published", foreign)
    await authority.carry()
    assert authority.taken == []
    assert await authority.messages() == []


async def test_a_household_keeps_its_order_while_it_is_down(authority: Authority) -> None:
    authority.down = True
    needs = [await a_need(authority) for _ in range(3)]
    for kind in ("need.published", "need.paused", "need.resumed"):
        await authority.tell(kind, *needs)
        await authority.carry_for(minutes=20)
    assert authority.taken == []
    authority.down = False
    await authority.carry_for(hours=26)
    assert len(authority.taken) == 9
    assert sorted(authority.threads().values()) == [[1, 2, 3]] * 3
    kinds = [
        body["type"] for body in authority.taken if body["thread"] == authority.taken[0]["thread"]
    ]
    assert kinds == ["need.published", "need.paused", "need.resumed"]
    assert {m.state for m in await authority.messages()} == {MessageState.ACKED}


async def test_an_alert_rises_while_it_is_down_and_falls_after(authority: Authority) -> None:
    authority.down = True
    await authority.tell("need.published", await a_need(authority))
    called = authority.mode is PartnerMode.CALL_OUT
    await authority.carry_for(hours=2 if called else 30)
    (alert,) = await rows_of(authority.engine, Alert, subject_id=authority.partner.id)
    assert (alert.rule, alert.area_code, alert.state) == ("partner.failing", COUNTY, "open")
    authority.down = False
    await authority.carry_for(hours=1 if called else 26)
    assert len(authority.taken) == 1
    alert = await reread(authority.engine, alert)
    assert alert.state == "resolved"


async def test_a_reply_pauses_the_need_and_is_treated_once(authority: Authority) -> None:
    need = await a_need(authority)
    word = {
        "need_no": need.no,
        "status": ReplyStatus.CLOSED,
        "reason": ReplyReason.RESOURCED_ELSEWHERE,
        "sequence": 1,
    }
    answer = await authority.says("k-1", **word)
    assert (answer["status"], answer["outcome"]) == ("accepted", "APPLIED")
    assert (await reread(authority.engine, need)).state is NeedState.PAUSED
    again = await authority.says("k-1", **word)
    assert (again["status"], again["outcome"]) == ("accepted", "APPLIED")
    try:
        other = await authority.says("k-1", **{**word, "sequence": 2})
        assert (other["status"], other["code"]) == ("refused", "IDEMPOTENCY_KEY_REUSED")
    except IdempotencyKeyReused:
        assert authority.mode is not PartnerMode.FILE_DROP
    assert (await events_of(authority.engine, need)).count("need.paused") == 1
    rows = await rows_of(authority.engine, ExchangeMessage, need_id=need.id, direction="in")
    assert len(rows) == 1


async def test_a_late_reply_is_history_only(authority: Authority) -> None:
    need = await a_need(authority)
    first = await authority.says(
        "a", need_no=need.no, status=ReplyStatus.REOPENED, reason=None, sequence=5
    )
    late = await authority.says(
        "b", need_no=need.no, status=ReplyStatus.RESOURCED, reason=None, sequence=4
    )
    assert (first["outcome"], late["outcome"]) == ("APPLIED", "LATE")
    assert (await reread(authority.engine, need)).state is NeedState.PUBLISHED


async def test_calls_are_signed(authority: Authority) -> None:
    await authority.tell("need.published", await a_need(authority))
    await authority.carry()
    if authority.mode is PartnerMode.CALL_OUT:
        (posted,) = authority.poster.posts
        assert verified(posted, authority.secret, "whsec_AAAA") == [True, False]
    else:
        assert authority.poster.posts == []


async def test_after_all_of_it_the_invariants_hold(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        found = await verify(View(session, system(now())), checks=CHECKS)
    assert [finding for finding in found if finding.rule.startswith(("INV-37", "INV-38"))] == []
    assert any(rule.startswith("INV-37") for rule in CHECKS)
