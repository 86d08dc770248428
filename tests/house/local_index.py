"""A package index in a directory: every package of a lock as a wheel without content, and a newer version of each.

A wheel says of itself what the same version says that is installed here. Of one that is not, the lock tells in its
comments who needs it, though not for which extra.
"""

import hashlib
import re
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker

NEWER = "9999"
PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)(?: ; (.+?))? \\\n((?: {4}.+\n)+)", re.MULTILINE)
NEEDED_BY = re.compile(r"^ {4}# (?:via| ) +([\w.-]+)$", re.MULTILINE)


class Pin(NamedTuple):
    version: str
    requirement: str
    needed_by: list[str]


class LocalIndex:
    def __init__(self, directory: Path, lock: str) -> None:
        """Offer all that `lock` pins, but for what its marker keeps away from this interpreter."""
        self.directory = directory
        self.directory.mkdir()
        self.pins = {
            name: Pin(version, f"{name} ; {marker}" if marker else name, NEEDED_BY.findall(more))
            for name, version, marker, more in PINNED.findall(lock)
            if not marker or Marker(marker).evaluate()
        }
        hashes = {name: self._offer(name) for name in self.pins}
        self.lock = PINNED.sub(lambda pin: self._with_hash(pin, hashes), lock)

    @staticmethod
    def _with_hash(pin: re.Match[str], hashes: dict[str, str]) -> str:
        digest = hashes.get(pin[1])
        return pin[0].replace(pin[4], f"    --hash=sha256:{digest}\n") if digest else pin[0]

    def _offer(self, name: str) -> str:
        about = self._about(name)
        self._wheel(name, NEWER, about)
        return self._wheel(name, self.pins[name].version, about)

    def _about(self, name: str) -> list[str]:
        version = self.pins[name].version
        try:
            installed = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            installed = None
        if installed is None or installed["Version"] != version:
            return [f"Requires-Dist: {pin.requirement}" for pin in self.pins.values() if name in pin.needed_by]
        headers = ("Requires-Dist", "Provides-Extra", "Requires-Python")
        return [f"{header}: {value}" for header in headers for value in installed.get_all(header) or ()]

    def _wheel(self, name: str, version: str, about: list[str]) -> str:
        """Write a wheel; returns its hash."""
        stem = f"{name.replace('-', '_')}-{version}"
        wheel = self.directory / f"{stem}-py3-none-any.whl"
        files = {
            "METADATA": "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *about, ""]),
            "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        files["RECORD"] = "".join(f"{stem}.dist-info/{file},,\n" for file in (*files, "RECORD"))
        with zipfile.ZipFile(wheel, "w") as archive:
            for file, text in files.items():
                archive.writestr(f"{stem}.dist-info/{file}", text)
        return hashlib.sha256(wheel.read_bytes()).hexdigest()
