"""Attestations: on consent or law, for one organization, checked offline, revoked at once."""

import base64
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import CHARITY, SHANGHAI, Act, Actor, Role
from nexus.core.ids import new_id
from nexus.core.outbox import run_due
from nexus.core.refusals import (
    ConsentMissing,
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    WrongState,
)
from nexus.organizations.model import OrganizationState
from nexus.recipients.attestations import model, operations, queries, rules
from nexus.recipients.attestations.model import Attestation, AttestationState
from nexus.recipients.consents.operations import withdraw_consent
from nexus.recipients.model import Recognition, RecognitionState
from nexus.recipients.queries import LIVE_RECOGNITION
from nexus.recipients.recognitions.operations import (
    end_recognition,
    mark_recognition_error,
    suspend_recognition,
)
from tests.deeds import VAULT_KEY, acting, actor_of, count_of, events_of, reread
from tests.making import making, now, today

TOWN, COUNTY = "440103001", "440103"
PURPOSE = "DELIV"
ISSUERS = {
    Role.GOV_CLERK,
    Role.GOV_APPROVER,
    Role.GOV_COORDINATOR,
    Role.STATION_LEAD,
    Role.SOCIAL_WORKER,
}
SEE = ISSUERS | {Role.AIDE, Role.DPO}
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]
ATTESTOR = rules.session_info(VAULT_KEY)[rules.ATTESTOR]
KEYS = {ATTESTOR.thumbprint: ATTESTOR.public_key}
CHECK = "query($token: String!) { attestation(token: $token) { status validUntil revokedAt } }"


@dataclass
class World:
    """A person on dibao with a consent that names one charity."""

    engine: AsyncEngine
    authority: Any
    charity: Any
    recipient: Any
    recognition: Recognition
    consent: Any
    people: dict[str, Any]

    async def issue(self, who: str = "approver", **given: Any) -> Attestation:
        fields: dict[str, Any] = {
            "organization_id": self.charity.id,
            "purpose": PURPOSE,
            "consent_id": self.consent.id,
        } | given
        recognition_id = fields.pop("recognition_id", self.recognition.id)
        async with acting(self.engine, self.people[who]) as act:
            return await operations.issue_attestation(act, recognition_id, **fields)


@pytest.fixture
async def world(engine: AsyncEngine) -> World:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        charity, other = await m.organization(), await m.organization()
        recipient = await m.recipient(await m.household(area_code=TOWN))
        recognition = await m.recognition(recipient, authority_id=authority.id)
        consent = await m.consent(
            recipient,
            purposes=[PURPOSE],
            data_classes=["D1", "D4"],
            receiver_ids=[charity.id],
            expires_on=today() + timedelta(days=90),
        )
        people = {
            "approver": await m.account(role=Role.GOV_APPROVER, organization=authority),
            "worker": await m.account(role=Role.SOCIAL_WORKER, area_code=TOWN),
            "charity": await m.account(role=Role.CHARITY_USER, organization=charity),
            "other": await m.account(role=Role.CHARITY_USER, organization=other),
        }
    return World(engine, authority, charity, recipient, recognition, consent, people)


async def drained(engine: AsyncEngine) -> None:
    while await run_due(engine):
        pass


# --- What it says ---


async def test_it_says_what_holds_and_nobodys_name(world: World) -> None:
    row = await world.issue()
    assert row.token.count(".") == 2
    claims = rules.read_token(row.token, KEYS)
    assert claims == {
        "iss": "nexus",
        "sub": row.alias,
        "aud": world.charity.uscc,
        "jti": str(row.id),
        "iat": int(row.created_at.timestamp()),
        "exp": rules.at_midnight(today() + timedelta(days=90)),
        "purpose": PURPOSE,
        "category": "DB",
        "area": COUNTY,
        "valid_until": (today() + timedelta(days=90)).isoformat(),
        "authority": {"name": world.authority.name, "uscc": world.authority.uscc},
        "status": {"status_list": {"idx": row.status_index, "uri": rules.STATUS_PATH}},
    }
    for secret in (world.recipient.no, str(world.recipient.id), str(world.recognition.id), TOWN):
        assert secret not in json.dumps(claims)
    assert await events_of(world.engine, row) == ["attestation.issued"]


async def test_it_ends_with_what_it_rests_on(world: World, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        short = await m.recognition(
            world.recipient, category="GE", valid_to=today() + timedelta(days=10)
        )
        long = await m.consent(
            world.recipient,
            purposes=[PURPOSE],
            data_classes=["D4"],
            receiver_ids=[world.charity.id],
            expires_on=today() + timedelta(days=350),
        )
    assert (await world.issue()).valid_until == world.consent.expires_on
    assert (await world.issue(recognition_id=short.id)).valid_until == short.valid_to
    row = await world.issue(consent_id=long.id)
    assert timedelta(days=178) < row.valid_until - today() < timedelta(days=187)
    assert row.validity_rule == "attestation_months@CN/2020-01-01"


async def test_one_alias_an_organization(world: World, engine: AsyncEngine) -> None:
    first, again = await world.issue(), await world.issue()
    assert (first.alias, first.token != again.token) == (again.alias, True)
    async with making(engine) as m:
        other = await m.organization()
    elsewhere = await world.issue(organization_id=other.id, consent_id=None, legal_basis="DUTY")
    assert elsewhere.alias != first.alias


async def test_a_protected_address_is_told_no_finer_than_the_province(
    world: World, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN, address_protected=True)
        recipient = await m.recipient(home)
        recognition = await m.recognition(recipient)
    row = await world.issue(recognition_id=recognition.id, consent_id=None, legal_basis="EMERGENCY")
    assert row.area_code == "44"


async def test_a_household_names_the_member_who_consented(
    world: World, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        household = await m.recognition(
            household_id=world.recipient.household_id, category="BY", recipient_id=None
        )
        stranger = await m.recipient()
    with pytest.raises(Invalid, match="Name the member"):
        await world.issue(recognition_id=household.id)
    with pytest.raises(Invalid, match="not about this recipient"):
        await world.issue(recognition_id=household.id, recipient_id=stranger.id)
    row = await world.issue(recognition_id=household.id, recipient_id=world.recipient.id)
    assert (row.category, row.recipient_id) == ("BY", world.recipient.id)


# --- Who, on what ---


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_issues_and_who_revokes(world: World, engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        world.people["here"] = await m.account(role=role, area_code=COUNTY)
        world.people["elsewhere"] = await m.account(role=role, area_code="440104")
    before = await count_of(engine, Attestation)
    with pytest.raises(NotFound):
        await world.issue("elsewhere")
    if role in ISSUERS:
        row = await world.issue("here")
    else:
        with pytest.raises(Forbidden if role in SEE else NotFound):
            await world.issue("here")
        assert await count_of(engine, Attestation) == before
        row = await world.issue()
    for who, expected in (
        ("elsewhere", NotFound),
        ("here", None if role in ISSUERS | {Role.DPO} else Forbidden if role in SEE else NotFound),
    ):
        if expected is None:
            async with acting(engine, world.people[who]) as act:
                await operations.revoke_attestation(act, row.id, expected_version=1, reason="so")
            assert (await reread(engine, row)).state is AttestationState.REVOKED
        else:
            with pytest.raises(expected):
                async with acting(engine, world.people[who]) as act:
                    await operations.revoke_attestation(
                        act, row.id, expected_version=1, reason="so"
                    )
            assert (await reread(engine, row)).version == 1


@pytest.mark.parametrize("role", sorted(ISSUERS))
async def test_a_legal_basis_is_the_approvers(
    world: World, engine: AsyncEngine, role: Role
) -> None:
    async with making(engine) as m:
        world.people["here"] = await m.account(role=role, area_code=COUNTY)
    given: dict[str, Any] = {"consent_id": None, "legal_basis": "DUTY"}
    if role is Role.GOV_APPROVER:
        assert (await world.issue("here", **given)).legal_basis == "DUTY"
        return
    with pytest.raises(Forbidden, match="legal basis"):
        await world.issue("here", **given)


@pytest.mark.parametrize(
    "terms",
    [
        {"receiver_ids": []},
        {"receiver_ids": "other"},
        {"purposes": ["MATCH"]},
        {"data_classes": ["D1"]},
        {"state": "withdrawn"},
        {"state": "requested"},
        {"obtained_at": timedelta(hours=1)},
        {"expires_on": timedelta()},
        {"recipient": "another"},
    ],
    ids=str,
)
async def test_a_consent_that_does_not_cover_it(
    world: World, engine: AsyncEngine, terms: dict[str, Any]
) -> None:
    given: dict[str, Any] = {
        "purposes": [PURPOSE],
        "data_classes": ["D4"],
        "receiver_ids": [world.charity.id],
    } | terms
    async with making(engine) as m:
        if given["receiver_ids"] == "other":
            given["receiver_ids"] = [(await m.organization()).id]
        if "obtained_at" in terms:
            given["obtained_at"] = now() + terms["obtained_at"]
        if "expires_on" in terms:
            given["expires_on"] = today()
        recipient = await m.recipient() if given.pop("recipient", None) else world.recipient
        consent = await m.consent(recipient, **given)
    before = await count_of(engine, Attestation)
    with pytest.raises(ConsentMissing) as refused:
        await world.issue(consent_id=consent.id)
    assert refused.value.details["data_class"] == "D4"
    assert await count_of(engine, Attestation) == before


@pytest.mark.parametrize("state", list(RecognitionState))
async def test_only_what_holds_is_attested(
    world: World, engine: AsyncEngine, state: RecognitionState
) -> None:
    async with making(engine) as m:
        row = await m.recognition(world.recipient, category="GE", state=state)
    if state in LIVE_RECOGNITION:
        assert (await world.issue(recognition_id=row.id)).category == "GE"
        return
    with pytest.raises(GuardFailed) as refused:
        await world.issue(recognition_id=row.id)
    assert refused.value.details["rule"] == "recognition_holds"


@pytest.mark.parametrize(
    "given",
    [
        {"consent_id": None},
        {"legal_basis": "DUTY"},
        {"purpose": "XX"},
        {"consent_id": None, "legal_basis": "WISH"},
    ],
    ids=str,
)
async def test_what_makes_no_sense(
    world: World, engine: AsyncEngine, given: dict[str, Any]
) -> None:
    before = await count_of(engine, Attestation)
    with pytest.raises(Invalid):
        await world.issue(**given)
    assert await count_of(engine, Attestation) == before


async def test_only_a_verified_organization_receives_one(world: World, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        other = await m.organization(state=OrganizationState.SUSPENDED)
    with pytest.raises(Refusal):
        await world.issue(organization_id=other.id, consent_id=None, legal_basis="DUTY")


async def test_every_state_and_verb(world: World) -> None:
    assert model.TRANSITIONS.rows() == [("revoke", "issued", "revoked")]
    row = await world.issue()
    async with acting(world.engine, world.people["worker"]) as act:
        with pytest.raises(Invalid):
            await operations.revoke_attestation(act, row.id, expected_version=1, reason=" ")
    async with acting(world.engine, world.people["worker"]) as act:
        await operations.revoke_attestation(act, row.id, expected_version=1, reason="so")
    with pytest.raises(WrongState):
        async with acting(world.engine, world.people["worker"]) as act:
            await operations.revoke_attestation(act, row.id, expected_version=2, reason="so")
    fresh = await reread(world.engine, row)
    assert (fresh.state, fresh.version) == (AttestationState.REVOKED, 2)


@pytest.mark.parametrize("state", list(AttestationState))
async def test_every_state_and_role(world: World, state: AttestationState) -> None:
    row = await world.issue()
    if state is AttestationState.REVOKED:
        async with acting(world.engine, world.people["approver"]) as act:
            await operations.revoke_attestation(act, row.id, expected_version=1, reason="so")
    version = (await reread(world.engine, row)).version
    for role in Role:
        actor = Actor(role, new_id(), world.charity.id, COUNTY, now())
        told = ""
        try:
            async with acting(world.engine, actor) as act:
                await operations.revoke_attestation(
                    act, row.id, expected_version=version, reason="so"
                )
                raise UndoneError
        except UndoneError:
            told = "done"
        except Refusal as refusal:
            told = refusal.code
        if role in ISSUERS | {Role.DPO, Role.SYSTEM}:
            assert told == ("done" if state is AttestationState.ISSUED else "WRONG_STATE"), role
        elif role in CHARITY | {Role.AIDE, Role.VOL_ORG}:
            assert told == "FORBIDDEN", role
        else:
            assert told == "NOT_FOUND", role
    assert (await reread(world.engine, row)).version == version


class UndoneError(Exception):
    """Rolls back what was tried."""


# --- Checking ---


async def test_a_forged_token_is_nobodys(world: World) -> None:
    row = await world.issue()
    header, claims, signature = row.token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(told | {"category": "TK"}).encode()).decode()
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode()
    other = rules.session_info(b"x" * 32)[rules.ATTESTOR]
    for token in (
        f"{header}.{forged.rstrip('=')}.{signature}",
        f"{none.rstrip('=')}.{claims}.",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{claims}",
        other.sign(told),
        other.sign(told).replace(other.thumbprint, ATTESTOR.thumbprint),
        ATTESTOR.sign(told, type_=rules.STATUS_TYPE),
        "",
        "a.b.c",
        "é" * 50,
        "." * 5_000,
    ):
        with pytest.raises(rules.TokenRefused):
            rules.read_token(token, KEYS)


async def test_offline_with_the_published_key(world: World, api: Any) -> None:
    row = await world.issue()
    found = (await api.client.get("/.well-known/jwks.json")).json()["keys"]
    keys = {
        key["kid"]: base64.urlsafe_b64decode(key["x"] + "=")
        for key in found
        if (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")
    }
    assert rules.read_token(row.token, keys)["sub"] == row.alias
    assert all(rules.thumbprint(key) == kid for kid, key in keys.items())


async def test_an_old_key_still_verifies(world: World, api: Any, engine: AsyncEngine) -> None:
    old = rules.session_info(b"o" * 32)
    async with AsyncSession(engine, expire_on_commit=False, info=old) as session:
        async with session.begin():
            row = await operations.issue_attestation(
                Act(session, actor_of(world.people["approver"])),
                world.recognition.id,
                organization_id=world.charity.id,
                purpose=PURPOSE,
                consent_id=world.consent.id,
            )
    found = (await api.client.get("/.well-known/jwks.json")).json()["keys"]
    keys = {key["kid"]: base64.urlsafe_b64decode(key["x"] + "=") for key in found}
    assert {old[rules.ATTESTOR].thumbprint, ATTESTOR.thumbprint} <= set(keys)
    assert rules.read_token(row.token, keys)["jti"] == str(row.id)


async def status_of(api: Any, row: Attestation) -> tuple[str, bool]:
    """(what a stranger is told of the token, whether its bit is set in the status list)."""
    answer = await api(None)(CHECK, token=row.token)
    response = await api.client.get(rules.STATUS_PATH)
    assert response.headers["content-type"] == "application/statuslist+jwt"
    claims = rules.read_token(response.text, KEYS, type_=rules.STATUS_TYPE)
    assert claims["status_list"]["bits"] == 1
    bit = rules.is_set(claims["status_list"]["lst"], row.status_index)
    return answer["data"]["attestation"]["status"], bit


async def test_whoever_holds_it_may_ask(world: World, api: Any) -> None:
    row, other = await world.issue(), await world.issue()
    assert await status_of(api, row) == ("VALID", False)
    assert (await api(None)(CHECK, token="a.b.c"))["data"] == {"attestation": None}
    forged = row.token[:-8] + "AAAAAAAA"
    assert (await api(None)(CHECK, token=forged))["data"] == {"attestation": None}
    async with acting(world.engine, world.people["approver"]) as act:
        await operations.revoke_attestation(act, row.id, expected_version=1, reason="so")
    assert await status_of(api, row) == ("REVOKED", True)
    assert await status_of(api, other) == ("VALID", False)


@pytest.mark.parametrize("how", ["end", "suspend", "mark_error", "withdraw"])
async def test_what_ends_beneath_it_revokes_it_at_once(world: World, api: Any, how: str) -> None:
    row = await world.issue()
    async with acting(world.engine, world.people["approver"]) as act:
        given: dict[str, Any] = {"expected_version": 1, "reason": "so"}
        if how == "withdraw":
            await withdraw_consent(act, world.consent.id, **given)
        elif how == "end":
            await end_recognition(act, world.recognition.id, **given, end_reason="DEATH")
        else:
            deed = suspend_recognition if how == "suspend" else mark_recognition_error
            await deed(act, world.recognition.id, **given)
    assert (await reread(world.engine, row)).state is AttestationState.ISSUED
    assert await status_of(api, row) == ("REVOKED", True), "before any news was delivered"
    await drained(world.engine)
    fresh = await reread(world.engine, row)
    assert fresh.state is AttestationState.REVOKED
    assert await events_of(world.engine, row) == ["attestation.issued", "attestation.revoked"]
    await drained(world.engine)
    assert (await reread(world.engine, row)).version == fresh.version


async def test_time_alone_is_an_expiry(world: World, engine: AsyncEngine) -> None:
    row = await world.issue()
    later = now() + timedelta(days=91)
    async with AsyncSession(engine) as session:
        actor = actor_of(world.people["charity"], later)
        shown = await session.scalar(
            select(queries.status(actor, Attestation)).where(Attestation.id == row.id)
        )
    assert shown == "EXPIRED"


async def test_the_status_list() -> None:
    for size in (0, 1, 7, 8, 9, 1000):
        revoked = set(range(0, size, 3))
        encoded = rules.status_list(revoked, size)
        assert {at for at in range(size + 20) if rules.is_set(encoded, at)} == revoked


def test_the_thumbprint_of_rfc_8037() -> None:
    key = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert rules.thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


# --- Who sees them ---

SEEN = (
    "{ attestations { nodes { no alias token status organization { name } recipient { no } "
    "recognition { no } redactions } } }"
)


@pytest.mark.parametrize("role", [*sorted(CHARITY), Role.VOL_ORG])
async def test_the_organization_sees_its_own_while_the_consent_stands(
    world: World, api: Any, engine: AsyncEngine, role: Role
) -> None:
    row = await world.issue()
    async with making(engine) as m:
        theirs = await m.account(role=role, organization=world.charity, area_code=None)
        other = await m.account(role=role, area_code=None)

    async def seen(account: Any) -> list[Any]:
        answer = await api(account)(SEEN)
        assert "errors" not in answer
        found: list[Any] = answer["data"]["attestations"]["nodes"]
        return found

    (mine,) = await seen(theirs)
    assert (mine["no"], mine["token"], mine["status"]) == (row.no, row.token, "VALID")
    assert (mine["recipient"], mine["recognition"]) == (None, None)
    assert {"recipient", "recognition", "consent", "history"} <= set(mine["redactions"])
    assert await seen(other) == []
    async with acting(engine, world.people["worker"]) as act:
        await withdraw_consent(act, world.consent.id, expected_version=1)
    assert await seen(theirs) == [], "the consent is a live gate"


async def test_the_authority_sees_whose_it_is(world: World, api: Any) -> None:
    row = await world.issue()
    answer = await api(world.people["worker"])(SEEN)
    found = {each["no"]: each for each in answer["data"]["attestations"]["nodes"]}
    assert found[row.no]["recipient"] == {"no": world.recipient.no}
    assert found[row.no]["recognition"] == {"no": world.recognition.no}
    assert await _nothing(api, None)


async def _nothing(api: Any, account: Any) -> bool:
    answer = await api(account)("{ attestations { nodes { no } } }")
    return bool(answer["data"]["attestations"]["nodes"] == [])


def test_midnight_is_in_shanghai() -> None:
    assert rules.at_midnight(date(2026, 3, 1)) == 1772294400
    assert str(SHANGHAI) == "Asia/Shanghai"
