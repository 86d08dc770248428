"""A sheet becomes rows: what is no sheet is refused whole, and what is wrong with a row is told of that row."""

from __future__ import annotations

import pytest

from apps.imports import reading
from apps.imports.reading import Line
from apps.kernel.errors import Invalid, Refused
from apps.kernel.sheets import written
from tests import builders
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.imports.conftest import MAINTENANCE
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures

HEAD = "name,maintenance\n"


def lines(text: str) -> list[Line]:
    return reading.read(MAINTENANCE, text, builders.the_platform())


def told(text: str) -> list[tuple[int, str, list[tuple[str, str | None]]]]:
    return [
        (line.number, line.checked.what, [(each.code, each.field) for each in line.checked.faults])
        for line in lines(text)
    ]


@pytest.mark.django_db
class TestSheets:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "column-missing"),
            ("name\n", "column-missing"),
            (HEAD, "sheet-empty"),
            ("name,maintenance,colour\nSoftGate-1,on,red\n", "column-unknown"),
            ("name,maintenance,name\nSoftGate-1,on,x\n", "column-twice"),
            (f'{HEAD}"SoftGate-1,on\n', "sheet-malformed"),
            (f"{HEAD}SoftGate-1\0,on\n", "sheet-unprintable"),
            (f"{HEAD}SoftGate-1\x1b[31m,on\n", "sheet-unprintable"),
            (f"{HEAD}Gät\ufffd,on\n", "sheet-unprintable"),
        ],
    )
    def test_what_is_no_sheet_of_the_kind_is_refused_whole(self, text, code):
        with pytest.raises(Refused) as refusal:
            lines(text)
        assert refusal.value.code == code

    def test_the_line_of_what_is_no_text_is_told(self):
        with pytest.raises(Invalid, match=r"Line 3: .* Save the sheet as CSV in UTF-8"):
            lines(f"{HEAD}SoftGate-1,on\nSoft\x07Gate,on\n")

    def test_sheets_have_limits(self, monkeypatch):
        monkeypatch.setattr(reading, "MOST_ROWS", 2)
        assert len(lines(f"{HEAD}a,on\nb,on\n")) == 2
        with pytest.raises(Refused, match="at most 2 rows"):
            lines(f"{HEAD}a,on\nb,on\nc,on\n")
        with pytest.raises(Refused, match="at most 200,000 characters"):
            lines(HEAD + "x" * reading.MOST_CHARACTERS)

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_however_spreadsheets_write_them(self, separator, mark, end):
        text = mark + end.join(separator.join(row) for row in [("Maintenance", "name "), ("on", " x ")]) + end
        [line] = lines(text)
        assert dict(line.cells) == {"maintenance": "on", "name": "x"} and line.number == 2

    def test_what_was_disarmed_on_its_way_out_comes_back_as_it_was(self):
        names = ["=1+1", "'=1+1", "@cmd", "-x", "a;=b", 'say "hi"', "a,b"]
        sheet = written(["name", "maintenance"], [[name, "on"] for name in names])
        assert [line.cells["name"] for line in lines(sheet)] == names

    def test_columns_that_are_only_read_may_stay(self):
        [line] = lines("name,status,maintenance\nx,ok,on\n")
        assert dict(line.cells) == {"name": "x", "maintenance": "on"}


class TestRows:
    @pytest.fixture(autouse=True)
    def _site(self, surveyed):  # noqa: F811
        """With SoftGates."""

    def test_each_says_what_is_wrong_with_it(self):
        long = "x" * 501
        sheet = f"{HEAD}SoftGate-1,on\nNo-1,on\n\nSoftGate-2,\nSoftGate-3,on,more\n{long},on\n"
        sheet += '"two\nlines",on\nSoftGate-4,off\n'
        assert told(sheet) == [
            (2, "Switch SoftGate-1", []),
            (3, "", [("device-unknown", "name")]),
            (5, "", [("cell-missing", "maintenance")]),
            (6, "", [("too-many-cells", None)]),
            (7, "", [("cell-too-long", "name")]),
            (8, "", [("cell-unprintable", "name")]),
            (10, "Leave SoftGate-4 as it is", []),
        ]

    def test_two_about_the_same_do_not_both_go(self):
        rows = told(f"{HEAD}SoftGate-1,on\nSoftGate-2,on\nSoftGate-1,off\n")
        assert rows[0][2] == [] and rows[1][2] == [] and rows[2][2] == [("row-twice", None)]
        rows = told(f"{HEAD}SoftGate-1,off\nSoftGate-1,off\nSoftGate-1,on\n")
        assert [each for _, _, each in rows] == [[], [], [("row-twice", None)]]

    def test_what_a_name_may_hold_a_cell_may_hold(self):
        """Blanks as they come from other pages, and the joiners of scripts that are written with them."""
        names = ("SoftGate\u00a01", "\u0915\u200c\u0937")
        found = told(HEAD + "".join(f"{name},on\n" for name in (*names, "Soft\u202eGate")))
        assert [each[0][0] for _, _, each in found] == ["device-unknown", "device-unknown", "cell-unprintable"]

    def test_many_rows_ask_no_more_than_one(self, django_assert_num_queries):
        for sheet in (f"{HEAD}SoftGate-1,on\n", HEAD + "".join(f"No-{n},on\n" for n in range(1_000))):
            with django_assert_num_queries(1):
                lines(sheet)
