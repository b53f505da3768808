"""A PostgreSQL of our own, for trying out, development and tests: one data directory, no TCP.

The first process to start it owns it: the server ends with that process, even when that is killed
with -9 (the kernel tells it, PR_SET_PDEATHSIG). Further processes with the same data directory
attach, and leave it alone. A server that dies under a living owner is started again.

Started as root, it runs as an existing unprivileged user. Where that user cannot reach the data
directory (/root, or a parent with mode 0700), the cluster lies in /var/lib/nexus-<hash of the
directory's path>, and a file `pg.place` in the data directory says so.
"""

import atexit
import fcntl
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nexus.core.binaries import EmbeddedError
from nexus.core.cluster import (
    SETTINGS,
    START_SECONDS,
    STOP_SECONDS,
    Cluster,
    Database,
    database_at,
    make_folder,
)

__all__ = ["Database", "Embedded", "EmbeddedError", "database_at"]

log = logging.getLogger(__name__)


@dataclass
class Embedded:
    """The server of one data directory. `settings` override those of the module."""

    data_dir: Path
    pg_bin: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.resolve()
        self.attached = False
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ownership: int | None = None
        self._started_by = 0

    def __enter__(self) -> Database:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Database:
        """Make the cluster if there is none, start the server or attach to it: its addresses.

        The work is done in a thread that lives as long as the server, because the kernel ties the
        server's life to the thread that made it.
        """
        if self._keeper is not None and self._keeper.is_alive():
            raise EmbeddedError("This server is started already.")
        ready: Future[Database] = Future()
        self._stopping.clear()
        self.attached = False
        self._started_by = os.getpid()
        self._keeper = threading.Thread(
            target=self._keep, args=(ready,), name="embedded-postgresql", daemon=True
        )
        self._keeper.start()
        atexit.register(self.stop)
        return ready.result()

    def stop(self) -> None:
        """End the server if this process owns it: within 10 seconds, however busy it is."""
        atexit.unregister(self.stop)
        if self._keeper is None or self._started_by != os.getpid():
            return
        self._stopping.set()
        for sign, seconds in (
            (signal.SIGINT, STOP_SECONDS),
            (signal.SIGQUIT, 1.0),
            (signal.SIGKILL, 1.0),
        ):
            process = self._process
            if process is not None and process.poll() is None:
                process.send_signal(sign)
            self._keeper.join(seconds)
            if not self._keeper.is_alive():
                break
        self._keeper = None

    def _keep(self, ready: "Future[Database]") -> None:
        try:
            while not self._stopping.is_set():
                database = self._open()
                if not ready.done():
                    ready.set_result(database)
                if self._process is None:
                    return
                status = self._process.wait()
                if not self._stopping.wait(0.1):
                    log.error("PostgreSQL ended with status %s; starting it again", status)
        except Exception as error:
            if ready.done():
                if not self._stopping.is_set():
                    log.exception("PostgreSQL could not be started again")
            elif isinstance(error, PermissionError):
                ready.set_exception(EmbeddedError(f"{error.filename} belongs to another user."))
            else:
                ready.set_exception(error)
        finally:
            self._process = None
            if self._ownership is not None:
                os.close(self._ownership)
                self._ownership = None

    def _open(self) -> Database:
        """Own the directory and start, or attach to the server of the process that owns it."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            make_folder(self.data_dir)
            with _locked(self.data_dir / "start.lock"):
                cluster = Cluster.at(self.data_dir, self.pg_bin)
                database = cluster.ensure()
                if self._ownership is None:
                    self._ownership = _try_lock(self.data_dir / "owner.lock")
                if self._ownership is not None:
                    self._start(cluster)
                    return database
                if cluster.wait_until_ready():
                    self.attached = True
                    return database
            # The owner lives and its server does not: it is about to start it again.
            time.sleep(0.1)
        raise EmbeddedError(f"The process that owns {self.data_dir} has no server. Stop it first.")

    def _start(self, cluster: Cluster) -> None:
        cluster.end_orphan()
        deadline = time.monotonic() + START_SECONDS
        while True:
            cluster.forget_reused_pid()
            self._process = cluster.spawn({**SETTINGS, **self.settings})
            if cluster.wait_until_ready(self._process):
                return
            complaint = cluster.last_words()
            # Backends of a killed server need a moment to notice that they are orphans.
            if "shared memory block" not in complaint or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start. {complaint}")
            time.sleep(0.2)


def _try_lock(path: Path) -> int | None:
    """The lock's handle, held until it is closed or the process ends; None when another has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
