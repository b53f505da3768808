"""What partners may send and set up: hostile files, wrong words, ways that are none."""

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.refusals import GuardFailed, Invalid, NotFound, Refusal
from nexus.exchange.messages import operations
from nexus.exchange.messages.model import ExchangeMessage, MessageState, PartnerMode
from nexus.exchange.messages.receiving import rules as receiving_rules
from nexus.exchange.messages.receiving.operations import receive_message
from nexus.exchange.messages.rules import Ack, PartnerExists, key_of, read_ack
from nexus.exchange.webhooks.rules import BadTarget
from nexus.integrations.folders import ACK, ANSWERS, INBOX, MAX_FILE, OUTBOX, Folders
from nexus.matching.replies.model import AuthorityReply, ReplyReason, ReplyStatus
from tests.deeds import count_of, reread
from tests.exchange.messaging import URL, Authority, ack_of
from tests.exchange.receiving import rows_of
from tests.making import making, now

COUNTY = "440103"


@pytest.fixture
async def authority(engine: AsyncEngine, tmp_path: Path) -> Authority:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
    return await Authority(engine, PartnerMode.FILE_DROP, account, tmp_path).open()


def word(need: Any, **other: Any) -> dict[str, Any]:
    return {
        "idempotencyKey": "k-1",
        "needNo": need.no,
        "status": "ACCEPTED",
        "sequence": 1,
        "happenedAt": now().isoformat(),
    } | other


async def a_need(authority: Authority) -> Any:
    async with making(authority.engine) as m:
        return await m.need(state="published", publisher_id=authority.account.organization_id)


async def answers(authority: Authority, *files: tuple[str, bytes]) -> dict[str, Any]:
    """The answers to files put into the inbox, by name."""
    for name, content in files:
        authority.folders.write(authority.folder, INBOX, name, content)
    await authority.messenger.run_until_idle()
    found = authority.folders.read(authority.folder, ANSWERS)
    assert authority.folders.read(authority.folder, INBOX) == []
    return {one.name: json.loads(one.content or b"") for one in found}


async def test_what_is_no_message_is_answered_with_what_is_wrong(authority: Authority) -> None:
    need = await a_need(authority)
    before = await count_of(authority.engine, AuthorityReply)
    bad: dict[str, Any] = {
        "a-text": b"hello",
        "b-latin": "数".encode("gb18030"),
        "c-list": b"[]",
        "d-deep": b"[" * 30_000,
        "e-missing": json.dumps({"needNo": need.no}).encode(),
        "f-strange": json.dumps(word(need, note="老王家的事")).encode(),
        "g-status": json.dumps(word(need, status="DONE")).encode(),
        "h-count": json.dumps(word(need, sequence="1")).encode(),
        "i-zero": json.dumps(word(need, sequence=0)).encode(),
        "j-true": json.dumps(word(need, sequence=True)).encode(),
        "k-when": json.dumps(word(need, happenedAt="yesterday")).encode(),
        "l-naive": json.dumps(word(need, happenedAt="2026-11-24T08:00:00")).encode(),
        "m-key": json.dumps(word(need, idempotencyKey="")).encode(),
        "n-reason": json.dumps(word(need, status="CLOSED")).encode(),
        "o-subject": json.dumps(word(need, status="CONFIRMED")).encode(),
        "p-foreign": json.dumps(word(need, needNo="N-440103-2026-999999")).encode(),
        "q-delivery": json.dumps(
            word(need, status="CONFIRMED", deliveryNo="D-440103-2026-1")
        ).encode(),
        "r-huge": b'{"needNo": "' + b"x" * MAX_FILE + b'"}',
        "s-future": json.dumps(
            word(need, happenedAt=(now() + timedelta(days=2)).isoformat())
        ).encode(),
        "t-null": json.dumps(word(need, needNo=None)).encode(),
        "u-nul": json.dumps(word(need, needNo="N\x00")).encode(),
        "v-large": json.dumps(word(need, sequence=2**40)).encode(),
    }
    told = await answers(authority, *((f"{name}.json", body) for name, body in bad.items()))
    assert set(told) == {f"{name}.json" for name in bad}
    assert {name: answer["status"] for name, answer in told.items()} == dict.fromkeys(
        told, "refused"
    )
    assert all(answer["code"] in ("INVALID", "NOT_FOUND") for answer in told.values())
    assert "老王" not in json.dumps(told, ensure_ascii=False)
    assert await count_of(authority.engine, AuthorityReply) == before


async def test_links_folders_and_strange_names_are_passed_over(
    authority: Authority, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"password": "tops3cret"}))
    inbox = tmp_path / authority.folder / INBOX
    authority.folders.open(authority.folder)
    (inbox / "link.json").symlink_to(secret)
    (inbox / "folder.json").mkdir()
    os.mkfifo(inbox / "pipe.json")
    (inbox / "half.json.part").write_text("{")
    (inbox / "..hidden.json").write_text("{}")
    (inbox / "note.txt").write_text("{}")
    await authority.messenger.run_until_idle()
    assert authority.folders.read(authority.folder, ANSWERS) == []
    assert secret.exists()
    assert set(os.listdir(inbox)) == {
        *("link.json", "folder.json", "pipe.json"),
        *("half.json.part", "..hidden.json", "note.txt"),
    }


async def test_a_message_is_written_whole_and_over_no_link(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "root")
    folders.open("a")
    victim = tmp_path / "victim"
    victim.write_text("kept")
    outbox = tmp_path / "root" / "a" / OUTBOX
    (outbox / "m.json").symlink_to(victim)
    (outbox / "m.json.part").symlink_to(victim)
    folders.write("a", OUTBOX, "m.json", b"{}")
    assert victim.read_text() == "kept"
    assert (outbox / "m.json").read_bytes() == b"{}"
    assert not (outbox / "m.json").is_symlink()


async def test_acknowledgements_of_what_was_never_sent_change_nothing(
    authority: Authority,
) -> None:
    await authority.tell("need.published", await a_need(authority))
    await authority.messenger.run_until_idle()
    (message,) = await authority.messages()
    for name, content in (
        ("msg_0.json", ack_of("msg_0")),
        (f"msg_{'0' * 32}.json", ack_of(f"msg_{'0' * 32}")),
        (f"{message.idempotency_key}.json", b"not json"),
        (f"{message.idempotency_key}.json", ack_of("another")),
        (f"{message.idempotency_key}.json", ack_of(message.idempotency_key, "maybe")),
    ):
        authority.folders.write(authority.folder, ACK, name, content)
        await authority.messenger.run_until_idle()
        assert (await reread(authority.engine, message)).state is MessageState.SENT
    authority.folders.write(
        authority.folder,
        ACK,
        f"{message.idempotency_key}.json",
        ack_of(message.idempotency_key),
    )
    await authority.messenger.run_until_idle()
    assert (await reread(authority.engine, message)).state is MessageState.ACKED
    assert authority.folders.read(authority.folder, OUTBOX) == []


async def test_another_partner_cannot_acknowledge(
    authority: Authority, engine: AsyncEngine, tmp_path: Path
) -> None:
    async with making(engine) as m:
        other_body = await m.authority(area_code="440104")
        account = await m.account(Role.GOV_APPROVER, organization=other_body, area_code="440104")
    other = await Authority(engine, PartnerMode.FILE_DROP, account, tmp_path).open()
    await authority.tell("need.published", await a_need(authority))
    await authority.messenger.run_until_idle()
    (message,) = await authority.messages()
    key = message.idempotency_key
    other.folders.write(other.folder, ACK, f"{key}.json", ack_of(key))
    await other.messenger.run_until_idle()
    assert (await reread(engine, message)).state is MessageState.SENT


def test_acknowledgements_are_read_strictly() -> None:
    key = f"msg_{'a' * 32}"
    assert read_ack(ack_of(key), key) is Ack.ACKED
    assert read_ack(ack_of(key, "refused"), key) is Ack.REFUSED
    for text in (b"", b"[]", b"null", b"[" * 50_000, b'{"id": 1}', b'{"status": "acked"}'):
        assert read_ack(text, key) is None
    assert key_of(key) is not None
    assert key_of("a" * 32) is key_of("msg_zz") is key_of(f"msg_{'g' * 32}") is None


# --- Setting up ---


@pytest.mark.parametrize(
    ("mode", "url", "folder", "refusal"),
    [
        (PartnerMode.CALL_OUT, None, None, Invalid),
        (PartnerMode.CALL_OUT, "http://authority-a.cn/in", None, BadTarget),
        (PartnerMode.CALL_OUT, "https://127.0.0.1/in", None, BadTarget),
        (PartnerMode.CALL_OUT, "https://localhost/in", None, BadTarget),
        (PartnerMode.CALL_OUT, URL, "f", Invalid),
        (PartnerMode.FILE_DROP, None, None, Invalid),
        (PartnerMode.FILE_DROP, None, "../up", Invalid),
        (PartnerMode.FILE_DROP, None, "a/b", Invalid),
        (PartnerMode.FILE_DROP, None, "A", Invalid),
        (PartnerMode.FILE_DROP, None, "-a", Invalid),
        (PartnerMode.FILE_DROP, None, "", Invalid),
        (PartnerMode.FILE_DROP, None, "a" * 64, Invalid),
        (PartnerMode.FILE_DROP, URL, "a", Invalid),
        (PartnerMode.PULL, URL, None, Invalid),
        (PartnerMode.PULL, None, "a", Invalid),
    ],
)
async def test_a_way_that_is_none(
    authority: Authority,
    mode: PartnerMode,
    url: str | None,
    folder: str | None,
    refusal: type[Refusal],
) -> None:
    with pytest.raises(refusal):
        async with authority.acting() as act:
            await operations.update_exchange_partner(
                act, authority.partner.id, expected_version=2, mode=mode, url=url, folder=folder
            )
    assert (await reread(authority.engine, authority.partner)).version == 2


async def test_one_exchange_an_authority_one_partner_a_folder(
    authority: Authority, engine: AsyncEngine, tmp_path: Path
) -> None:
    pull: dict[str, Any] = {"organization_id": None, "mode": PartnerMode.PULL}
    with pytest.raises(PartnerExists):
        async with authority.acting() as act:
            await operations.create_exchange_partner(act, **pull, url=None, folder=None)
    async with making(engine) as m:
        charity = await m.organization()
        other = await m.account(Role.GOV_APPROVER, organization=await m.authority(), area_code="44")
        platform = await m.account(Role.PLATFORM_ADMIN, area_code="CN")
    with pytest.raises(GuardFailed) as refused:
        async with authority.acting(other) as act:
            await operations.create_exchange_partner(
                act,
                organization_id=None,
                mode=PartnerMode.FILE_DROP,
                url=None,
                folder=authority.folder,
            )
    assert refused.value.field == "folder"
    with pytest.raises(GuardFailed) as refused:
        async with authority.acting(platform) as act:
            await operations.create_exchange_partner(
                act, organization_id=charity.id, mode=PartnerMode.PULL, url=None, folder=None
            )
    assert refused.value.field == "organizationId"


async def test_closing_ends_what_waits_and_another_may_follow(authority: Authority) -> None:
    await authority.tell("need.published", await a_need(authority))
    await authority.messenger.run_until_idle()
    async with authority.acting() as act:
        await operations.close_exchange_partner(
            act, authority.partner.id, expected_version=2, reason="改用接口"
        )
    (message,) = await authority.messages()
    assert (message.state, message.last_error) == (MessageState.DEAD, "PARTNER_CLOSED")
    async with authority.acting() as act:
        await operations.create_exchange_partner(
            act, organization_id=None, mode=PartnerMode.PULL, url=None, folder=None
        )


async def test_without_an_exchange_nothing_is_received(engine: AsyncEngine, tmp_path: Path) -> None:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_CLERK, organization=body, area_code=COUNTY)
        need = await m.need(state="published", publisher_id=body.id)
    authority = Authority(engine, PartnerMode.PULL, account, tmp_path)
    said = receiving_rules.Said(need.no, None, ReplyStatus.ACCEPTED, None, 1, now())
    with pytest.raises(NotFound):
        async with authority.acting() as act:
            await receive_message(act, key="k", said=said)


async def test_copies_at_once_are_one(authority: Authority) -> None:
    need = await a_need(authority)
    said = receiving_rules.Said(
        need.no, None, ReplyStatus.CLOSED, ReplyReason.MET, 1, authority.clock()
    )

    async def copy() -> Any:
        async with authority.acting() as act:
            row = await receive_message(act, key="same", said=said)
            return row.id

    ids = await asyncio.gather(*(copy() for _ in range(8)))
    assert len(set(ids)) == 1
    assert len(await rows_of(authority.engine, AuthorityReply, need_id=need.id)) == 1
    assert len(await rows_of(authority.engine, ExchangeMessage, need_id=need.id)) == 1


async def test_a_folder_that_is_a_link_is_neither_read_nor_written(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "root")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "m.json").write_text("{}")
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / INBOX).symlink_to(elsewhere)
    assert folders.read("a", INBOX) == []
    with pytest.raises(NotADirectoryError):
        folders.write("a", OUTBOX, "n.json", b"{}")
    assert os.listdir(elsewhere) == ["m.json"]
