"""The browser that tests drive, where `./weft test` has found or fetched one."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Browser, Playwright

#: Chromium cannot be had on every machine; what `./weft test` says of that is the reason.
needs_chromium = pytest.mark.skipif(
    "WEFT_CHROMIUM" not in os.environ, reason=os.environ.get("WEFT_NO_BROWSER", "no browser")
)


def launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=os.environ["WEFT_CHROMIUM"], args=["--no-sandbox"])
