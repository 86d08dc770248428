"""The portal's settings, with one empty view beside its pages."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
