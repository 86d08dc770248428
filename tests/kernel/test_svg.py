from __future__ import annotations

import re
import time

import pytest

from apps.kernel.svg.bar import Usage, render_bar
from apps.kernel.svg.draw import fit, width_of
from apps.kernel.svg.status import LOOKS, look_of
from tests.drawings import assert_sound


class TestBar:
    def test_it_is_sound(self):
        assert_sound(render_bar(Usage(3, 10, 2)))

    def test_segments_add_up(self):
        widths = [float(width) for width in re.findall(r'width="([\d.]+)"', render_bar(Usage(30, 100, 20)))]

        assert widths == [100, 20, 30]

    @pytest.mark.parametrize(
        ("used", "total", "tone", "words"),
        [
            (0, 0, "madder", "full"),
            (0, 10, "indigo", ""),
            (74, 100, "indigo", ""),
            (75, 100, "weld", "filling up"),
            (90, 100, "madder", "nearly full"),
            (100, 100, "madder", "full"),
            (120, 100, "madder", "full"),
        ],
    )
    def test_it_warns_in_colour_and_words(self, used, total, tone, words):
        assert (Usage(used, total).tone, Usage(used, total).words) == (tone, words)

    def test_what_allows_nothing_is_drawn_full(self):
        nothing = Usage(0, 0)
        assert nothing.rest == "full"
        assert re.findall(r'width="([\d.]+)" height="8" class="([\w-]+)"', render_bar(nothing)) == [
            ("100", "bar-free"),
            ("100", "bar-used"),
        ]

    def test_it_is_never_full_while_something_is_free(self):
        assert Usage(999_999, 1_000_000).percent == 99

    def test_figures_are_grouped_by_thousands(self):
        assert Usage(1, 1_000_001, 12, "VNIs").figures == "1 of 1\u2009000\u2009001 VNIs, 12 reserved"

    def test_percent_are_no_count_of_things(self):
        usage = Usage(7, 100, unit="% of its table")
        assert (usage.figures, usage.rest) == ("7 % of its table", "93 % free")


class TestStatus:
    def test_an_unknown_word_is_shown_in_the_colour_of_not_knowing(self):
        assert (look_of("half_asleep").words, look_of("half_asleep").tone) == ("Half asleep", "linen")
        assert look_of("").words == look_of(None).words == "Unknown"

    def test_words_are_read_however_they_are_written(self):
        assert look_of("ROLLED_BACK") == look_of("rolled back") == LOOKS["rolled-back"]

    def test_only_what_is_well_is_sage(self):
        well = {word for word, look in LOOKS.items() if look.tone == "sage"}

        assert well == {"ready", "succeeded", "done", "ok", "up", "active", "success", "configured", "healthy"}


def test_long_names_are_shortened_to_their_room():
    assert fit("short", 100, 14) == "short"
    assert fit("m" * 30, 1, 14) == "m…"
    shortened = fit("a-name-much-longer-than-its-box", 100, 14)
    assert shortened.endswith("…")
    assert width_of(shortened, 14) <= 100


def test_a_text_without_end_is_fitted_in_a_moment():
    began = time.process_time()

    assert fit("m" * 250_000, 100, 14).startswith("mmm")
    assert fit("i" * 250_000, 10_000_000, 14) == "i" * 250_000

    assert time.process_time() - began < 1
