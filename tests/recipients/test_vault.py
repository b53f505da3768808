"""Identity data: sealed, found, revealed and erased, and every way around it that is refused."""

import hashlib
import hmac
import logging
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.core.crypto import DEFAULT, GM, SealError
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal
from nexus.recipients.vault import operations, queries, rules
from nexus.recipients.vault.model import IdentityField, Reveal
from tests.deeds import VAULT_KEY, acting, count_of, events_of
from tests.making import making

F = IdentityField
# Made up: the area code is real, the day and the sequence are nobody's. NUMBER's check is wrong.
NAME, PHONE, ADDRESS = "陈测试", "13800001234", "流花路测试街999号"
NUMBER = "440103196001010013"


def with_check(first_17: str) -> str:
    """A number with the right check character (GB 11643)."""
    weights = [2 ** (17 - place) % 11 for place in range(17)]
    total = sum(int(digit) * weight for digit, weight in zip(first_17, weights, strict=True))
    return first_17 + "10X98765432"[total % 11]


NUMBERS = (with_check(f"44010319600101{n:03d}") for n in range(100, 999))


class World:
    """A recipient with a sealed identity, and the people around."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.number = next(NUMBERS)

    async def make(self, **household: Any) -> "World":
        async with making(self.engine) as m:
            self.household = await m.household(**household)
            self.recipient = await m.recipient(self.household)
            self.approver = await m.account(role=Role.GOV_APPROVER)
            self.worker = await m.account(role=Role.SOCIAL_WORKER)
        async with acting(self.engine, self.approver) as act:
            await operations.record_identity(
                act,
                self.recipient.id,
                given={F.NAME: NAME, F.ID_NUMBER: self.number, F.PHONE: PHONE, F.ADDRESS: ADDRESS},
            )
        return self

    async def request(self, account: Any, *fields: IdentityField) -> UUID:
        async with acting(self.engine, account) as act:
            reveal = await operations.request_reveal(
                act, self.recipient.id, fields=fields or tuple(F), purpose="CASE"
            )
        return reveal.id

    async def open(self, account: Any, reveal_id: UUID) -> dict[IdentityField, str]:
        async with acting(self.engine, account) as act:
            return await operations.open_reveal(act, reveal_id)


@pytest.fixture
async def world(engine: AsyncEngine) -> World:
    return await World(engine).make()


async def as_owner(owner_engine: AsyncEngine, statement: str, **values: Any) -> None:
    """As the owner, with the triggers off."""
    async with owner_engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(statement), values)


async def test_what_was_sealed_is_revealed(world: World) -> None:
    reveal_id = await world.request(world.worker, F.NAME, F.ID_NUMBER)
    plain = await world.open(world.worker, reveal_id)
    assert plain == {F.NAME: NAME, F.ID_NUMBER: world.number}
    assert await world.open(world.worker, reveal_id) == plain, "it may be read again for a while"


async def test_asking_and_reading_are_history(world: World, engine: AsyncEngine) -> None:
    reveal_id = await world.request(world.worker, F.PHONE)
    await world.open(world.worker, reveal_id)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT kind, actor_id, facts FROM event WHERE object_id = :id ORDER BY position"),
            {"id": reveal_id},
        )
        asked, read = rows.all()
    who = {"recipient_id": str(world.recipient.id)}
    assert tuple(asked) == (
        "identity.reveal_requested",
        world.worker.id,
        who | {"fields": ["phone"], "purpose": "CASE"},
    )
    assert tuple(read) == ("identity.revealed", world.worker.id, who | {"fields": ["phone"]})


async def test_a_field_recorded_again_is_replaced(world: World, engine: AsyncEngine) -> None:
    async with acting(engine, world.worker) as act:
        await operations.record_identity(act, world.recipient.id, given={F.NAME: "陈改名"})
    plain = await world.open(world.worker, await world.request(world.worker, F.NAME, F.PHONE))
    assert plain == {F.NAME: "陈改名", F.PHONE: PHONE}


# --- Nine ways around, and then some. ---


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ciphertext FROM vault.identity_field",
        "SELECT * FROM vault.identity_field",
        "DELETE FROM vault.identity_field RETURNING ciphertext",
        "UPDATE vault.identity_field SET field = 'phone' WHERE field = 'name'",
        "UPDATE vault.reveal SET requested_at = now()",
        "DELETE FROM vault.reveal",
        "INSERT INTO vault.reveal (id, recipient_id, fields, purpose, account_id, requested_at) "
        "SELECT id, recipient_id, fields, purpose, account_id, now() FROM vault.reveal",
        "INSERT INTO vault.reveal (id, recipient_id, fields, purpose, account_id, xact) "
        "SELECT id, recipient_id, fields, purpose, account_id, '3' FROM vault.reveal",
        "COPY vault.identity_field TO STDOUT",
        "CREATE TABLE vault.mine (id int)",
    ],
)
async def test_the_application_cannot_read_ciphertext_or_forge_a_reveal(
    world: World, engine: AsyncEngine, statement: str
) -> None:
    await world.request(world.worker)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text(statement))


async def test_a_reveal_opens_for_the_account_that_asked(world: World, engine: AsyncEngine) -> None:
    reveal_id = await world.request(world.worker)
    with pytest.raises(NotFound):
        await world.open(world.approver, reveal_id)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT * FROM vault.ciphertext(:reveal, :account)"),
            {"reveal": reveal_id, "account": world.approver.id},
        )
        assert rows.all() == []


async def test_a_reveal_does_not_open_in_its_own_transaction(
    world: World, engine: AsyncEngine
) -> None:
    async with acting(engine, world.worker) as act:
        reveal = await operations.request_reveal(
            act, world.recipient.id, fields=[F.NAME], purpose="CASE"
        )
        with pytest.raises(queries.RevealClosed):
            await operations.open_reveal(act, reveal.id)


async def test_a_savepoint_is_no_commit(world: World, engine: AsyncEngine) -> None:
    async with acting(engine, world.worker) as act:
        async with act.session.begin_nested():
            reveal = await operations.request_reveal(
                act, world.recipient.id, fields=[F.NAME], purpose="CASE"
            )
        with pytest.raises(queries.RevealClosed):
            await operations.open_reveal(act, reveal.id)


async def test_a_reveal_rolled_back_opens_nothing(world: World, engine: AsyncEngine) -> None:
    async with acting(engine, world.worker) as act:
        reveal = await operations.request_reveal(
            act, world.recipient.id, fields=[F.NAME], purpose="CASE"
        )
        reveal_id = reveal.id
        await act.session.rollback()
    with pytest.raises(NotFound):
        await world.open(world.worker, reveal_id)


async def test_a_reveal_closes_after_five_minutes(world: World, owner_engine: AsyncEngine) -> None:
    reveal_id = await world.request(world.worker)
    late = "UPDATE vault.reveal SET requested_at = now() - make_interval(secs => :s) WHERE id = :id"
    await as_owner(owner_engine, late, s=290, id=reveal_id)
    assert await world.open(world.worker, reveal_id)
    await as_owner(owner_engine, late, s=301, id=reveal_id)
    with pytest.raises(queries.RevealClosed):
        await world.open(world.worker, reveal_id)


async def test_another_persons_ciphertext_does_not_open_here(
    world: World, engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    other = await World(engine).make()
    await as_owner(
        owner_engine,
        "UPDATE vault.identity_field SET ciphertext = (SELECT ciphertext FROM vault.identity_field "
        "WHERE recipient_id = :from AND field = 'name') "
        "WHERE recipient_id = :to AND field = 'name'",
        **{"from": other.recipient.id, "to": world.recipient.id},
    )
    with pytest.raises(queries.IdentityDamaged):
        await world.open(world.worker, await world.request(world.worker, F.NAME))


async def test_row_swap_with_the_key_taken_along_does_not_open(
    world: World, engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    """Ciphertext and wrapped key both moved: the key is bound to its person."""
    other = await World(engine).make()
    for table, condition in (("identity_field", "field = 'name'"), ("person_key", "true")):
        column = "ciphertext" if table == "identity_field" else "wrapped_key"
        await as_owner(
            owner_engine,
            f"UPDATE vault.{table} SET {column} = (SELECT {column} FROM vault.{table} "
            f"WHERE recipient_id = :from AND {condition}) "
            f"WHERE recipient_id = :to AND {condition}",
            **{"from": other.recipient.id, "to": world.recipient.id},
        )
    with pytest.raises(queries.IdentityDamaged):
        await world.open(world.worker, await world.request(world.worker, F.NAME))


async def test_a_field_moved_to_another_field_does_not_open(
    world: World, owner_engine: AsyncEngine
) -> None:
    await as_owner(
        owner_engine,
        "UPDATE vault.identity_field SET ciphertext = (SELECT ciphertext FROM vault.identity_field "
        "WHERE recipient_id = :id AND field = 'id_number') "
        "WHERE recipient_id = :id AND field = 'name'",
        id=world.recipient.id,
    )
    with pytest.raises(queries.IdentityDamaged):
        await world.open(world.worker, await world.request(world.worker, F.NAME))


async def test_another_key_version_does_not_open(world: World, owner_engine: AsyncEngine) -> None:
    await as_owner(
        owner_engine,
        "UPDATE vault.identity_field SET key_version = 2 WHERE recipient_id = :id",
        id=world.recipient.id,
    )
    with pytest.raises(queries.IdentityDamaged):
        await world.open(world.worker, await world.request(world.worker, F.NAME))


async def test_the_blind_index_says_nothing_without_the_key(
    world: World, engine: AsyncEngine
) -> None:
    number = world.number.encode()
    guesses = [
        hashlib.sha256(number).digest(),
        hashlib.sha256(b"id_number\x1f" + number).digest(),
        hmac.digest(bytes(32), b"id_number\x1f" + number, "sha256"),
        hmac.digest(VAULT_KEY, b"id_number\x1f" + number, "sha256"),
    ]
    async with engine.connect() as connection:
        found = await connection.scalar(
            text("SELECT count(*) FROM vault.blind_index WHERE hmac = ANY(:guesses)"),
            {"guesses": guesses},
        )
        kept = await connection.scalar(
            text("SELECT count(*) FROM vault.blind_index WHERE recipient_id = :id"),
            {"id": world.recipient.id},
        )
    assert (found, kept) == (0, 1)


async def test_another_root_key_opens_nothing(world: World, engine: AsyncEngine) -> None:
    reveal_id = await world.request(world.worker)
    async with acting(engine, world.worker) as act:
        act.session.info.update(rules.session_info(bytes(32)))
        with pytest.raises(queries.IdentityDamaged):
            await operations.open_reveal(act, reveal_id)
        assert await queries.recipient_by_id_number(act, world.number) is None


async def test_without_a_key_the_vault_is_closed(world: World, engine: AsyncEngine) -> None:
    async with acting(engine, world.worker) as act:
        act.session.info.clear()
        with pytest.raises(rules.VaultClosed):
            await operations.find_recipient_by_id_number(act, world.number)


async def test_an_erased_identity_is_gone(world: World, engine: AsyncEngine) -> None:
    reveal_id = await world.request(world.worker)
    async with making(engine) as m:
        officer = await m.account(role=Role.DPO)
    async with acting(engine, officer) as act:
        await operations.erase_identity(act, world.recipient.id, reason="asked by the person")
    with pytest.raises(queries.IdentityErased):
        await world.open(world.worker, reveal_id)
    async with acting(engine, world.worker) as act:
        with pytest.raises(NotFound):
            await operations.find_recipient_by_id_number(act, world.number)
        with pytest.raises(queries.IdentityErased):
            await operations.record_identity(act, world.recipient.id, given={F.NAME: NAME})
    async with engine.connect() as connection:
        left = await connection.scalar(
            text("SELECT count(wrapped_key) FROM vault.person_key WHERE recipient_id = :id"),
            {"id": world.recipient.id},
        )
    assert left == 0
    with pytest.raises(GuardFailed):
        async with acting(engine, officer) as act:
            await operations.erase_identity(act, world.recipient.id, reason="again")


async def test_the_key_alone_was_enough_to_erase(
    world: World, engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    """Ciphertext that survived elsewhere does not open once the person's key is gone."""
    async with owner_engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT ciphertext, key_version FROM vault.identity_field WHERE recipient_id=:id"),
            {"id": world.recipient.id},
        )
        survived = rows.all()
    vault = rules.Vault(VAULT_KEY)
    for row in survived:
        for field in F:
            with pytest.raises(SealError):
                vault.open(vault.new_person_key(), world.recipient.id, field, row[0], row[1])


async def test_no_plaintext_in_logs_events_errors_or_idempotency(
    world: World, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    with caplog.at_level(logging.DEBUG):
        await world.open(world.worker, await world.request(world.worker))
        for given in ({F.ID_NUMBER: NUMBER}, {F.ID_NUMBER: world.number, F.PHONE: PHONE + "x"}):
            with pytest.raises(Refusal) as refused:
                async with acting(engine, world.worker) as act:
                    await operations.record_identity(act, world.recipient.id, given=given)
            told.append(str(refused.value.as_dict()))
        async with acting(engine, world.worker) as act:
            await operations.find_recipient_by_id_number(act, world.number)
    async with AsyncSession(engine) as session:
        facts = await session.execute(text("SELECT facts::text FROM event"))
        told += [row[0] for row in facts]
    told.append(caplog.text)
    for secret in (NAME, NUMBER, world.number, PHONE, ADDRESS):
        assert not any(secret in text for text in told)


# --- Who may. ---

WRITERS = {Role.GOV_CLERK, Role.GOV_APPROVER, Role.STATION_LEAD, Role.SOCIAL_WORKER}
READERS = WRITERS | {Role.AIDE}
SEE_RECIPIENTS = READERS | {Role.GOV_COORDINATOR, Role.DPO}
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]


@pytest.mark.parametrize("role", PEOPLE)
async def test_roles(world: World, engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        account = await m.account(role=role, area_code="44")
    unseen = Forbidden if role in SEE_RECIPIENTS else NotFound

    before = await count_of(engine, Reveal)
    if role in READERS:
        reveal_id = await world.request(account, F.PHONE)
        assert await world.open(account, reveal_id) == {F.PHONE: PHONE}
    else:
        with pytest.raises(unseen):
            await world.request(account, F.PHONE)
        assert await count_of(engine, Reveal) == before

    if role in WRITERS:
        async with acting(engine, account) as act:
            await operations.record_identity(
                act, world.recipient.id, given={F.PHONE: "13800009999"}
            )
            found = await operations.find_recipient_by_id_number(act, world.number)
            assert found.id == world.recipient.id
    else:
        with pytest.raises(unseen):
            async with acting(engine, account) as act:
                await operations.record_identity(act, world.recipient.id, given={F.PHONE: "10086"})
        with pytest.raises(Forbidden):
            async with acting(engine, account) as act:
                await operations.find_recipient_by_id_number(act, world.number)

    async with acting(engine, account) as act:
        if role is Role.DPO:
            await operations.erase_identity(act, world.recipient.id, reason="asked")
        else:
            with pytest.raises(NotFound):
                await operations.erase_identity(act, world.recipient.id, reason="asked")


async def test_an_aide_does_not_see_the_id_number(world: World, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        aide = await m.account(role=Role.AIDE)
    before = await count_of(engine, Reveal)
    with pytest.raises(Forbidden):
        await world.request(aide, F.NAME, F.ID_NUMBER)
    assert await count_of(engine, Reveal) == before


@pytest.mark.parametrize("role", sorted(READERS))
async def test_another_territory_is_as_if_it_were_not_there(
    world: World, engine: AsyncEngine, role: Role
) -> None:
    async with making(engine) as m:
        stranger = await m.account(role=role, area_code="45")
    with pytest.raises(NotFound):
        await world.request(stranger, F.NAME)
    if role in WRITERS:
        with pytest.raises(NotFound):
            async with acting(engine, stranger) as act:
                await operations.find_recipient_by_id_number(act, world.number)


async def test_a_protected_household_is_for_few(engine: AsyncEngine) -> None:
    world = await World(engine).make(address_protected=True)
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        officer = await m.account(role=Role.DPO)
    with pytest.raises(NotFound):
        await world.request(clerk, F.ADDRESS)
    assert await world.open(world.worker, await world.request(world.worker, F.ADDRESS))
    async with acting(engine, officer) as act:
        await operations.erase_identity(act, world.recipient.id, reason="asked")


async def test_who_moved_away_cannot_open_what_they_asked_for(
    world: World, engine: AsyncEngine
) -> None:
    reveal_id = await world.request(world.worker)
    world.worker.area_code = "45"
    with pytest.raises(NotFound):
        await world.open(world.worker, reveal_id)


# --- What is accepted. ---


async def test_one_number_one_person(world: World, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        twin = await m.recipient()
    with pytest.raises(operations.AlreadyRecorded) as refused:
        async with acting(engine, world.worker) as act:
            await operations.record_identity(act, twin.id, given={F.ID_NUMBER: world.number})
    assert world.number not in str(refused.value.as_dict())
    assert await events_of(engine, twin) == []


async def test_the_birth_year_must_agree(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient(birth_year=1970)
        worker = await m.account(role=Role.SOCIAL_WORKER)
    with pytest.raises(Invalid) as refused:
        async with acting(engine, worker) as act:
            await operations.record_identity(act, recipient.id, given={F.ID_NUMBER: next(NUMBERS)})
    assert "1960" not in str(refused.value.as_dict())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (NUMBERS_X := with_check("44010319600101003").lower(), NUMBERS_X.upper()),
        ("".join(chr(ord(c) + 0xFEE0) for c in NUMBERS_X), NUMBERS_X.upper()),
        (" ".join((NUMBERS_X[:6], NUMBERS_X[6:14], NUMBERS_X[14:])), NUMBERS_X.upper()),
        (with_check("81000019600101001"), with_check("81000019600101001")),
    ],
)
def test_id_numbers_as_people_write_them(given: str, kept: str) -> None:
    assert rules.check_id_number(given) == kept


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "440103600101001",
        with_check("44010319600101001")[:-1],
        NUMBER,
        with_check("44010319601301001"),
        with_check("44010319600230001"),
        "４４０１０３１９６００１０１００１１Y",
        "44010319600101001١",
    ],
)
def test_numbers_that_are_none(wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_id_number(wrong)
    assert not wrong or wrong not in str(refused.value.as_dict())


@pytest.mark.parametrize("profile", [DEFAULT, GM], ids=lambda profile: profile.name)
def test_both_profiles_seal_and_refuse(profile: Any) -> None:
    vault, who = rules.Vault(VAULT_KEY, profile), new_id()
    key = vault.new_person_key()
    sealed = vault.seal(key, who, F.NAME, NAME)
    assert NAME.encode() not in sealed
    assert sealed != vault.seal(key, who, F.NAME, NAME), "every sealing has its own nonce"
    assert vault.open(key, who, F.NAME, sealed, vault.key_version) == NAME
    assert vault.unwrap(vault.wrap(key, who), who) == key
    for at in (0, 12, len(sealed) - 1):
        flipped = bytes(byte ^ (place == at) for place, byte in enumerate(sealed))
        with pytest.raises(SealError):
            vault.open(key, who, F.NAME, flipped, vault.key_version)
    for cut in (b"", sealed[:11], sealed[:20]):
        with pytest.raises(SealError):
            vault.open(key, who, F.NAME, cut, vault.key_version)
    with pytest.raises(SealError):
        vault.unwrap(vault.wrap(key, who), new_id())


async def test_reveals_need_a_purpose_that_exists_and_a_field_that_is_known(
    world: World, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        unknown = await m.recipient()
    before = await count_of(engine, Reveal)
    for recipient_id, fields, purpose in (
        (world.recipient.id, [F.NAME], "CURIOSITY"),
        (world.recipient.id, [], "CASE"),
        (unknown.id, [F.NAME], "CASE"),
    ):
        with pytest.raises(Refusal):
            async with acting(engine, world.worker) as act:
                await operations.request_reveal(act, recipient_id, fields=fields, purpose=purpose)
    assert await count_of(engine, Reveal) == before
