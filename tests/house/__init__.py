"""Tests of `./weft` and of what it is made of."""

from house.checkout import ROOT

SCRIPT = ROOT / "weft"
