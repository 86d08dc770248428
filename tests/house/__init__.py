"""Tests of ./weft. It is a script without an extension: this loads it as the module `weft`."""

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[2] / "weft"

_loader = SourceFileLoader("weft", str(SCRIPT))
_spec = importlib.util.spec_from_loader("weft", _loader)
assert _spec is not None
weft: Any = importlib.util.module_from_spec(_spec)
sys.modules["weft"] = weft
_loader.exec_module(weft)
