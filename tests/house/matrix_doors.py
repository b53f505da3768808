"""What machines of one place use: API clients, webhooks, and files on their way in and out."""

import hashlib
import json
from datetime import timedelta

from nexus.accounts.clients.model import ApiClient, ApiClientState, ClientDocument, ClientKey
from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.exchange.exports.model import Export, ExportDataset, ExportFormat
from nexus.exchange.importing.model import ImportRun
from nexus.exchange.importing.requests.model import ImportProfile
from nexus.exchange.uploads.model import Upload, UploadState
from nexus.exchange.webhooks.model import (
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEndpoint,
)
from nexus.reports.model import ReportSnapshot
from tests.house.matrix_contracting import bring_releases
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today


async def open_doors(m: Maker, place: Place) -> None:
    """An active client and an active endpoint."""
    home = place.authority if place.side == "need" else place.charity
    role = Role.GOV_CLERK if place.side == "need" else Role.CHARITY_CLIENT
    await _client(m, place, await m.account(role, home, area_code=place.county))
    await _endpoint(m, place)
    await _files(m, place)
    await bring_releases(m, place)


async def _client(m: Maker, place: Place, service: Account) -> None:
    client = ApiClient(
        id=new_id(),
        account_id=service.id,
        organization_id=service.organization_id,
        name=place.says("ApiClient.name"),
        scopes=["needs:read", "pledges:write"],
        cost_per_minute=1000,
        networks=["203.0.113.0/24"],
        documents_only=False,
        state=ApiClientState.ACTIVE,
        state_reason=place.says("ApiClient.stateReason"),
        created_at=now(),
        created_by=place.staff.id,
    )
    text = place.says("ClientDocument.text")
    key = ClientKey(
        api_client_id=client.id,
        place=1,
        digest=new_id().bytes,
        hint=place.says("ClientKey.hint"),
        created_at=now(),
        created_by=place.staff.id,
    )
    document = ClientDocument(
        api_client_id=client.id,
        digest=hashlib.sha256(text.encode()).digest(),
        text=text,
        created_at=now(),
        created_by=place.staff.id,
    )
    await m.put(client, key, document)
    place.rows |= {"ApiClient": client, "ClientKey": key, "ClientDocument": document}


async def _endpoint(m: Maker, place: Place) -> None:
    endpoint = WebhookEndpoint(
        id=new_id(),
        account_id=place.staff.id,
        organization_id=place.staff.organization_id,
        url=place.says("WebhookEndpoint.url"),
        kinds=[],
        label=place.says("WebhookEndpoint.label"),
        state_reason=place.says("WebhookEndpoint.stateReason"),
        created_at=now(),
        created_by=place.staff.id,
    )
    delivery = WebhookDelivery(
        endpoint_id=endpoint.id,
        event_id=place["NeedEvent"].id,
        object_id=place["Need"].id,
        kind="need.published",
        state=WebhookDeliveryState.DEAD,
        due_at=now(),
        created_at=now(),
        expires_at=now(),
        finished_at=now(),
        last_error=place.says("WebhookDelivery.lastError"),
    )
    await m.put(endpoint, delivery)
    place.rows |= {"WebhookEndpoint": endpoint, "WebhookDelivery": delivery}


async def _files(m: Maker, place: Place) -> None:
    export = Export(
        account_id=place.staff.id,
        dataset=ExportDataset.NEEDS,
        format=ExportFormat.JSONL,
        filter={"text": place.says("Export.filter")},
        link=place.says("Export.url"),
        created_at=now(),
        expires_at=now() + timedelta(hours=1),
    )
    upload = Upload(
        id=new_id(),
        account_id=place.staff.id,
        file_name=place.says("Upload.fileName"),
        content_type="text/csv",
        link=place.says("Upload.url"),
        state=UploadState.RECEIVED,
        bytes=1,
        sha256="0" * 64,
        created_at=now(),
        expires_at=now() + timedelta(hours=1),
    )
    run = ImportRun(
        kind="offers",
        system=place.says("ImportRun.source"),
        type="offer",
        digest="0" * 64,
        voucher_id=place.staff.id,
        started_at=now(),
        counts={"rows_read": 1},
        upload_id=upload.id,
        report={"notes": [place.says("ImportRun.notes")], "problems": 1, "preview": []},
        link=place.says("ImportRun.problemsUrl"),
        failure_message=place.says("ImportRun.failureMessage"),
    )
    profile = ImportProfile(
        account_id=place.staff.id,
        name=place.says("ImportProfile.name"),
        edition=1,
        kind="offers",
        toml=place.says("ImportProfile.toml"),
        created_at=now(),
    )
    await m.put(export, upload, run, profile)
    place.rows |= {"Export": export, "Upload": upload, "ImportRun": run, "ImportProfile": profile}
    await _kept_report(m, place)


async def _kept_report(m: Maker, place: Place) -> None:
    content = json.dumps({"told": place.says("ReportSnapshot.content")})
    row = ReportSnapshot(
        id=new_id(),
        no=number("RPT"),
        name="needs-pipeline",
        definition_version=1,
        area_code=place.town,
        from_on=today() - timedelta(days=30),
        until_on=today(),
        found_at=now(),
        with_rows=True,
        content=content,
        hash=hashlib.sha256(content.encode()).hexdigest(),
        organization_id=place.staff.organization_id,
        created_by=place.staff.id,
        created_at=now(),
    )
    await m.put(row)
    place.rows["ReportSnapshot"] = row
