"""The files of an embedded server: where they lie, who may enter, which programs open them."""

import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from nexus.core.binaries import EmbeddedError, find_binaries

OWNER, APP, NAME = "nexus_owner", "nexus_app", "nexus"
START_SECONDS, STOP_SECONDS = 60.0, 8.0
SOCKET_PATH_BYTES = 90
"""A socket's path holds 107 bytes; the server appends 14 to the directory's."""
LOG_BYTES = 5 * 2**20
DEAD_PID = 2**31 - 2
"""No kernel hands it out."""
SETTINGS = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": "192MB",
        "max_wal_size": "2GB",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_checkpoints": "off",
        # A log must not hold what a row holds: no failing statements, no values in details.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
)
# Runs before the server in its process: drops root, ties its life to ours, becomes the program.
_LAUNCH = """
import ctypes, os, signal, sys
parent, uid, gid, *argv = sys.argv[1:]
os.umask(0o077)
os.chdir("/")
if uid != "-":
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    if os.getppid() != int(parent):
        sys.exit("the process that wanted this is gone")
os.execv(argv[0], argv)
"""


@dataclass(frozen=True, slots=True)
class Database:
    """Two addresses of one database: `owner_url` migrates, `app_url` serves."""

    owner_url: str
    app_url: str

    def named(self, name: str) -> "Database":
        """The same two roles in another database of the server."""
        urls = (urlsplit(url)._replace(path=f"/{name}") for url in (self.owner_url, self.app_url))
        # geturl() drops an empty host's slashes, which a socket's address needs.
        return Database(*(f"{u.scheme}://{u.netloc}{u.path}?{u.query}".rstrip("?") for u in urls))


def database_at(owner_url: str, app_url: str | None = None) -> Database:
    """A server that runs already. Without `app_url` the same login takes on the role nexus_app."""
    mark = "&" if "?" in owner_url else "?"
    options = quote(f"-c role={APP}", safe="")
    return Database(owner_url, app_url or f"{owner_url}{mark}options={options}")


@dataclass(frozen=True)
class Cluster:
    """The files of one server: where they lie, which programs open them, as which user."""

    data_dir: Path
    place: Path
    binaries: Path
    user: "User | None"

    @classmethod
    def at(cls, data_dir: Path, pg_bin: Path | None) -> "Cluster":
        """Find or decide the place, the user and the programs."""
        place = _place(data_dir)
        user = _unprivileged(place / "pg", data_dir) if os.geteuid() == 0 else None
        if place != data_dir:
            make_folder(place, user)
        version = place / "pg" / "PG_VERSION"
        major = int(version.read_text()) if version.exists() else None
        binaries = find_binaries(pg_bin, major=major)
        if user is not None and not user.can(str(binaries / "postgres"), "--version"):
            built = (binaries / "postgres").stat().st_mtime_ns
            copy = place / f"postgresql-{_digest(binaries / str(built))}"
            binaries = _copy(binaries.parent, copy) / "bin"
        return cls(data_dir, place, binaries, user)

    @property
    def pgdata(self) -> Path:
        return self.place / "pg"

    @property
    def sockets(self) -> Path:
        """The socket's directory: the cluster's own, or a short one where that is too long."""
        path = str(self.pgdata)
        if len(path.encode()) <= SOCKET_PATH_BYTES and re.fullmatch(r"[\w./-]+", path, re.ASCII):
            return self.pgdata
        return Path("/tmp") / f"nexus-{_digest(self.pgdata)}"  # noqa: S108

    def ensure(self) -> Database:
        """Make the cluster unless it is there; its addresses."""
        keys = self.data_dir / "database.json"
        # Of a data directory that was removed, only the cluster in its other place is left.
        forgotten = self.place != self.data_dir and not keys.exists()
        interrupted = any(self.place.glob("pg.new-*"))
        if forgotten or not (self.pgdata.exists() or (keys.exists() and not interrupted)):
            self._make(keys)
        for needed in (self.pgdata, keys):
            if not needed.exists():
                raise EmbeddedError(
                    f"{needed} is gone. Put it back, or remove {self.data_dir} to begin anew."
                )
        passwords = json.loads(keys.read_text())
        host = quote(str(self.sockets))
        urls = (
            f"postgresql://{role}:{passwords[role]}@/{NAME}?host={host}" for role in (OWNER, APP)
        )
        return Database(*urls)

    def _make(self, keys: Path) -> None:
        """A cluster appears whole or not at all: made aside, then renamed."""
        for left in [*self.place.glob("pg.new-*"), self.pgdata]:
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="pg.new-", dir=self.place))
        if self.user is not None:
            os.chown(new, self.user.uid, self.user.gid)
        self._run(
            *("initdb", "--pgdata", str(new), "--username", OWNER, "--auth", "reject"),
            *("--encoding", "UTF8", "--locale", "C"),
        )
        (new / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        passwords = {role: secrets.token_hex(24) for role in (OWNER, APP)}
        self._run(
            *("postgres", "--single", "-D", str(new), "-c", "exit_on_error=on", "postgres"),
            feed=f"ALTER ROLE {OWNER} PASSWORD '{passwords[OWNER]}'\n"
            f"CREATE ROLE {APP} LOGIN PASSWORD '{passwords[APP]}'\n"
            f"CREATE DATABASE {NAME}\n",
        )
        _write_private(keys, json.dumps(passwords))
        new.rename(self.pgdata)

    def spawn(self, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start the server; its words go to postgresql.log in the data directory."""
        if self.sockets != self.pgdata:
            make_folder(self.sockets, self.user, whole=True)
        options = {**settings, "unix_socket_directories": str(self.sockets)}
        with _log_file(self.data_dir / "postgresql.log") as words:
            return subprocess.Popen(
                self._command(
                    *("postgres", "-D", str(self.pgdata)),
                    *(
                        part
                        for name, value in options.items()
                        for part in ("-c", f"{name}={value}")
                    ),
                ),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
                env=_environment(),
            )

    def wait_until_ready(self, process: "subprocess.Popen[bytes] | None" = None) -> bool:
        """True once the server takes connections; False when it is gone, or was never there."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            lines = self._pid_file()
            ready = len(lines) > 7 and lines[7].strip() == "ready"
            if process is None and not self._alive(lines):
                return False
            if process is not None and process.poll() is not None:
                return False
            if ready and (process is None or lines[0] == str(process.pid)):
                return True
            time.sleep(0.01)
        raise EmbeddedError(f"PostgreSQL in {self.pgdata} is not ready. {self.last_words()}")

    def end_orphan(self) -> None:
        """Wait for a server whose owner is gone; the kernel told it to stop, and so do we."""
        deadline = time.monotonic() + STOP_SECONDS
        while self._alive(lines := self._pid_file()):
            late = time.monotonic() > deadline
            os.kill(int(lines[0]), signal.SIGQUIT if late else signal.SIGINT)
            if time.monotonic() > deadline + STOP_SECONDS:
                raise EmbeddedError(f"Process {lines[0]} holds {self.pgdata} and does not stop.")
            time.sleep(0.1)

    def forget_reused_pid(self) -> None:
        """Name a dead process in the lock files of a dead server.

        Its number may belong to another process by now, and PostgreSQL would wait for that one.
        The rest of the file stays: by it PostgreSQL sees whether orphans still use its memory.
        """
        for path in (self.pgdata / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock"):
            if path.exists():
                rest = path.read_text().split("\n")[1:]
                path.write_text("\n".join([str(DEAD_PID), *rest]))

    def last_words(self) -> str:
        """The end of the server's log."""
        path = self.data_dir / "postgresql.log"
        return " / ".join(path.read_text(errors="replace").splitlines()[-4:])

    def _pid_file(self) -> list[str]:
        try:
            return (self.pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _alive(self, pid_file: list[str]) -> bool:
        """Whether the process named in the file is this cluster's server, not a later namesake."""
        if not pid_file or not pid_file[0].isdigit():
            return False
        process = Path("/proc") / pid_file[0]
        if not Path("/proc/self").exists():
            ps = ["ps", "-o", "command=", "-p", pid_file[0]]
            asked = subprocess.run(ps, capture_output=True, text=True, check=False)
            return str(self.pgdata) in asked.stdout
        try:
            if (process / "comm").read_text().strip() not in ("postgres", "postmaster"):
                return False
            return Path(os.readlink(process / "cwd")) == self.pgdata
        except PermissionError:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            return os.fsencode(self.pgdata) in arguments
        except (FileNotFoundError, ProcessLookupError):
            return False

    def _run(self, program: str, *arguments: str, feed: str = "") -> None:
        done = subprocess.run(
            self._command(program, *arguments),
            input=feed,
            capture_output=True,
            text=True,
            env=_environment(),
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        user = self.user
        who = ("-", "-") if user is None else (str(user.uid), str(user.gid))
        launch = (sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *who)
        return [*launch, str(self.binaries / program), *arguments]


@dataclass(frozen=True, slots=True)
class User:
    """Whom root becomes."""

    uid: int
    gid: int

    def can(self, *command: str) -> bool:
        """Whether the command succeeds as this user."""
        try:
            done = subprocess.run(
                command,
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
            )
        except OSError:
            return False
        return done.returncode == 0


def make_folder(path: Path, user: User | None = None, *, whole: bool = False) -> None:
    """A directory that only we, and `user` by its group, may enter; `whole` gives it to the user.

    One that is there already keeps its mode, but must be a real directory of ours or the user's:
    in a shared place somebody else may have put it there.
    """
    if user is None and os.geteuid() == 0:
        user = _unprivileged(path)
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = path.lstat()
        ours = {os.geteuid()} | ({user.uid} if user else set())
        shared = path.parent == Path("/tmp")  # noqa: S108
        if not stat.S_ISDIR(found.st_mode) or (shared and found.st_uid not in ours):
            raise EmbeddedError(f"{path} belongs to somebody else; remove it.") from None
        return
    if user is not None:
        os.chown(path, user.uid if whole else -1, user.gid)
        path.chmod(0o700 if whole else 0o710)


def _place(data_dir: Path) -> Path:
    """Where the cluster lies: in the data directory, unless root's other self cannot get there.

    Decided once: the note and the cluster stay when modes of directories change.
    """
    note = data_dir / "pg.place"
    if note.exists():
        return Path(note.read_text().strip())
    if os.geteuid() != 0 or (data_dir / "pg").exists():
        return data_dir
    if _unprivileged(data_dir).can("test", "-x", str(data_dir)):
        return data_dir
    place = place_elsewhere(data_dir)
    note.write_text(f"{place}\n")
    return place


def place_elsewhere(data_dir: Path) -> Path:
    """The place of a cluster that root's other self could not reach in the data directory."""
    return Path("/var/lib") / f"nexus-{_digest(data_dir)}"


def _unprivileged(*owned: Path) -> User:
    """Whom to run as instead of root: the owner of what is there already, else nobody."""
    for path in owned:
        if path.exists() and (found := path.stat()).st_uid != 0:
            return User(found.st_uid, found.st_gid)
    for name in ("nobody", "daemon", "postgres"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return User(user.pw_uid, user.pw_gid)
    raise EmbeddedError("PostgreSQL does not run as root, and there is no other user. Add one.")


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _log_file(path: Path) -> BinaryIO:
    """The log, to be appended to; begun anew once it is long."""
    full = path.exists() and path.stat().st_size > LOG_BYTES
    return path.open("wb" if full else "ab")


def _copy(installation: Path, target: Path) -> Path:
    """The installation where the unprivileged user can run it."""
    package = installation.parent
    # A wheel's programs look for their libraries beside the package, in <package>.libs.
    libraries = package.with_name(f"{package.name}.libs")
    if not target.exists():
        aside = target.with_suffix(f".{os.getpid()}")
        shutil.copytree(installation, aside / package.name / installation.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, aside / libraries.name, symlinks=True)
        aside.rename(target)
    return target / package.name / installation.name


def _environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, PGPORT and their kin would mislead the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
