"""What the environment decides, as one frozen object. Read only where the program is composed."""

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.accounts.factors.rules import SENSITIVE
from nexus.acting import Role
from nexus.graph.quotas import USUAL, Rates

DEFAULT_DATA_DIR = Path(".nexus")
VAULT_KEY_FILE = "vault.key"
KEY_BYTES = 32
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Settings:
    """`owner_url` migrates, `app_url` serves. `vault_key` is the 32-byte root of identity keys."""

    owner_url: str
    app_url: str
    vault_key: bytes
    development: bool = False
    pool_size: int = 10
    signing_key: bytes | None = None
    """The 32-byte Ed25519 seed that attestations are signed with; None: derived from the root."""
    public_url: str | None = None
    """Where clients reach the service, without a slash at the end; None: as each request says."""
    rates: Rates | None = USUAL
    """What callers may spend; None: what they like."""
    webhook_hosts: frozenset[tuple[str, int]] = frozenset()
    """Loopback (host, port) pairs that webhooks may go to, over plain http; only in development."""
    second_factor: frozenset[Role] = frozenset()
    """Roles of people who sign in with a second factor only; others may have one."""
    exchange_dir: Path | None = None
    """Where the folders of partners that exchange files lie; None: no files are exchanged."""
    font_dir: Path | None = None
    """Where the fonts lie that PDF is set in; None: where Debian's fonts-noto-cjk puts them."""

    @property
    def webhook_targets(self) -> frozenset[tuple[str, int]]:
        """The addresses that the rules for webhook targets do not hold for."""
        return self.webhook_hosts if self.development else frozenset()


def webhook_hosts(environment: Mapping[str, str] = os.environ) -> frozenset[tuple[str, int]]:
    """NEXUS_WEBHOOK_HOSTS: `host:port` pairs of this machine, separated by commas."""
    found = set()
    for pair in filter(None, environment.get("NEXUS_WEBHOOK_HOSTS", "").split(",")):
        host, _, port = pair.strip().rpartition(":")
        if host not in LOOPBACK or not port.isdecimal():
            raise ValueError("NEXUS_WEBHOOK_HOSTS holds pairs such as 127.0.0.1:9000")
        found.add((host, int(port)))
    return frozenset(found)


def font_dir(environment: Mapping[str, str] = os.environ) -> Path | None:
    """NEXUS_FONT_DIR."""
    given = environment.get("NEXUS_FONT_DIR")
    return Path(given) if given else None


def exchange_dir(data_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """NEXUS_EXCHANGE_DIR, else a folder in the data directory."""
    given = environment.get("NEXUS_EXCHANGE_DIR")
    return Path(given) if given else data_dir / "exchange"


def second_factor(environment: Mapping[str, str] = os.environ) -> frozenset[Role]:
    """NEXUS_SECOND_FACTOR: `sensitive` for all roles that approve or see personal data, else their
    names, separated by commas; nothing or `off`: nobody has to have one."""
    given = environment.get("NEXUS_SECOND_FACTOR", "off").strip().casefold()
    if given in ("", "off"):
        return frozenset()
    if given == "sensitive":
        return SENSITIVE
    names = {name.strip() for name in given.split(",")}
    if unknown := sorted(names - set(Role)):
        raise ValueError(f"NEXUS_SECOND_FACTOR names no role: {', '.join(unknown)}")
    return frozenset(Role(name) for name in names)


def signing_key(environment: Mapping[str, str] = os.environ) -> bytes | None:
    """NEXUS_SIGNING_KEY (base64 of 32 bytes)."""
    given = environment.get("NEXUS_SIGNING_KEY")
    if not given:
        return None
    key = base64.b64decode(given)
    if len(key) != KEY_BYTES:
        raise ValueError("NEXUS_SIGNING_KEY must be base64 of exactly 32 bytes")
    return key


def public_url(environment: Mapping[str, str] = os.environ) -> str | None:
    """NEXUS_PUBLIC_URL."""
    return environment.get("NEXUS_PUBLIC_URL", "").rstrip("/") or None


def rates(environment: Mapping[str, str] = os.environ) -> Rates | None:
    """NEXUS_COST_PER_MINUTE: what an account may spend, an anonymous address a fifth; 0: all."""
    given = environment.get("NEXUS_COST_PER_MINUTE")
    if given is None:
        return USUAL
    cost = int(given)
    return Rates(account=cost, anonymous=max(1, cost // 5)) if cost else None


def vault_key(data_dir: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """NEXUS_VAULT_KEY (base64 of 32 bytes), else a key kept in the data directory, mode 0600."""
    given = environment.get("NEXUS_VAULT_KEY")
    if given:
        key = base64.b64decode(given)
        if len(key) != KEY_BYTES:
            raise ValueError("NEXUS_VAULT_KEY must be base64 of exactly 32 bytes")
        return key
    path = data_dir / VAULT_KEY_FILE
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()
