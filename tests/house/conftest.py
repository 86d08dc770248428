import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def directory():
    """A directory that PostgreSQL can reach as `nobody`, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="weft-house-") as name:
        Path(name).chmod(0o711)
        yield Path(name)
