"""The client's doors: what is served how, and what a session in a cookie may do."""

import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import run
from sys import executable

import httpx
import pytest

from nexus.stationclient.files import StationFiles
from nexus.stationclient.http import COOKIE, GRAPH_PATH, SESSION_PATH
from tests.conftest import Api
from tests.making import making
from tests.web.building import ROOT
from tests.web.world import HASHED, PASSWORD

OWN = {"x-nexus-station": "1"}
ME = "query Me { viewer { area { code name } id name organization { id name } role username } }"


@pytest.fixture
async def site_client(site: Path, api: Api) -> httpx.AsyncClient:
    """The service, with the client built."""
    return api.client


@pytest.fixture
async def signed_in(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of its own with a session."""
    async with making(api.engine) as m:
        account = await m.account("social_worker", password_hash=HASHED)
    transport = httpx.ASGITransport(app=api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://nexus.test") as client:
        answer = await _sign_in(client, str(account.username))
        assert answer.status_code == 200
        yield client


async def _sign_in(client: httpx.AsyncClient, username: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": username, "client_secret": PASSWORD}
    return await client.post(SESSION_PATH, data=form, headers=OWN)


def _me() -> str:
    manifest: dict[str, str] = json.loads((ROOT / "src/nexus/documents.json").read_text("utf-8"))
    return next(known for known, text in manifest.items() if text.startswith("query Me "))


async def _ask(client: httpx.AsyncClient, body: object, **headers: str) -> httpx.Response:
    return await client.post(GRAPH_PATH, json=body, headers={**OWN, **headers})


async def test_the_page_is_asked_for_each_time_and_files_are_kept(
    site_client: httpx.AsyncClient, site: Path
) -> None:
    page = await site_client.get("/station/")
    assert page.headers["cache-control"] == "no-cache"
    again = await site_client.get("/station/", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    script = next((site / "assets").glob("index-*.js"))
    kept = await site_client.get(f"/station/assets/{script.name}")
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-encoding"] == "gzip"
    assert kept.content == script.read_bytes()
    assert (await site_client.get("/station/worker.js")).headers["cache-control"] == "no-cache"


async def test_a_screen_of_any_address_is_the_page_and_a_missing_file_is_not(
    site_client: httpx.AsyncClient,
) -> None:
    page = await site_client.get("/station/")
    deep = await site_client.get("/station/needs/TmVlZDox")
    assert deep.text == page.text
    assert (await site_client.get("/station/assets/gone.js")).status_code == 404
    assert (await site_client.get("/station")).headers["location"] == "/station/"
    assert (await site_client.post("/station/needs")).status_code == 405


async def test_no_script_but_our_own_may_run(site_client: httpx.AsyncClient) -> None:
    headers = (await site_client.get("/station/")).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"


async def test_without_the_build_it_says_what_to_run(api: Api, tmp_path: Path) -> None:
    transport = httpx.ASGITransport(app=StationFiles(tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://nexus.test") as client:
        answer = await client.get("/station/")
    assert answer.status_code == 503
    assert "make web" in answer.text


async def test_the_session_is_a_cookie_and_the_token_is_not_told(
    signed_in: httpx.AsyncClient, api: Api
) -> None:
    token = signed_in.cookies[COOKIE]
    async with making(api.engine) as m:
        account = await m.account("social_worker", password_hash=HASHED)
    other = await _sign_in(api.client, str(account.username))
    assert set(other.json()) == {"expires_in"}
    flags = other.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert "path=/station/api/" in flags
    api.client.cookies.clear()
    answer = await _ask(signed_in, {"documentId": _me()})
    assert answer.json()["data"]["viewer"]["role"] == "SOCIAL_WORKER"
    assert token not in answer.text


async def test_only_documents_of_the_manifest_run(signed_in: httpx.AsyncClient) -> None:
    free = await _ask(signed_in, {"query": ME})
    assert free.status_code == 403
    assert free.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_ID_REQUIRED"
    unknown = await _ask(signed_in, {"documentId": "sha256:" + "0" * 64})
    assert unknown.status_code == 422


async def test_answers_are_packed_for_a_slow_line(signed_in: httpx.AsyncClient) -> None:
    manifest: dict[str, str] = json.loads((ROOT / "src/nexus/documents.json").read_text("utf-8"))
    codes = next(known for known, text in manifest.items() if text.startswith("query Codes"))
    body = {"documentId": codes, "variables": {"after": None}}
    packed = await _ask(signed_in, body, **{"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(packed.content) / 3
    plain = await _ask(signed_in, body, **{"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json()["data"] == packed.json()["data"]


async def test_nobody_is_told_so_and_gets_no_empty_lists(api: Api) -> None:
    answer = await _ask(api.client, {"documentId": _me()})
    assert answer.status_code == 401
    bearer = await _ask(api.client, {"documentId": _me()}, authorization="Bearer nx_made_up")
    assert bearer.status_code == 401


async def test_other_sites_forms_are_refused(signed_in: httpx.AsyncClient) -> None:
    body = json.dumps({"documentId": _me()})
    plain = {"content-type": "application/json"}
    assert (await signed_in.post(GRAPH_PATH, content=body, headers=plain)).status_code == 405
    assert (await signed_in.get(GRAPH_PATH, headers=OWN)).status_code == 405
    form = await signed_in.post(
        GRAPH_PATH, content=body, headers=OWN | {"content-type": "text/plain"}
    )
    assert form.status_code == 415
    assert (await signed_in.post(SESSION_PATH, data={})).status_code == 400


async def test_signing_out_ends_the_token(signed_in: httpx.AsyncClient, api: Api) -> None:
    token = signed_in.cookies[COOKIE]
    answer = await signed_in.delete(SESSION_PATH, headers=OWN)
    assert answer.status_code == 204
    assert COOKIE not in signed_in.cookies
    fresh = await api.client.post(
        "/graphql",
        json={"query": "{ viewer { id } }"},
        headers={"authorization": f"Bearer {token}"},
    )
    assert fresh.status_code == 401
    assert (await signed_in.delete(SESSION_PATH, headers=OWN)).status_code == 204


def test_a_wheel_carries_the_client(site: Path, tmp_path: Path) -> None:
    command = [executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if "/stationclient/site/" in name}
    built = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert {name.partition("/site/")[2] for name in inside} == built
