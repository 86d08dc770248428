"""The letter of authorization: what it says, and that it can be looked at."""

from __future__ import annotations

from datetime import timedelta

import pypdfium2
import pytest

from apps.directconnect.letters import facts_of, file_name_of, pdf_of
from apps.directconnect.stages import Stage
from apps.kernel import clock
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(acme, location):
    issued = {"loa_number": "LOA-1F2E3D4C-1", "loa_issued_at": clock.now()}
    valid = {"loa_valid_until": clock.now() + timedelta(days=60)}
    return builders.a_connection(acme, location, stage=Stage.LOA_ISSUED, **issued, **valid)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    return document[0].get_textpage().get_text_bounded()


def test_it_names_the_port_the_place_the_tenant_the_order_and_how_long_it_is_valid(row):
    said = " ".join(text_of(pdf_of(facts_of(row))).split())

    assert "Letter of authorization" in said
    for fact in ("LOA-1F2E3D4C-1", "swp1@Leaf-1", "Leaf-1", "Paris 2", "MMR 2.1", "10 Gbit/s", str(row.pk), "paris-a"):
        assert fact in said, fact
    assert "114 rue Ambroise Croizat, Saint-Denis" in said
    assert "Acme (acme)" in said and "Patch one pair." in said
    assert "01 May 2026, 09:00 UTC" in said and "02 March 2026" in said


def test_it_says_nothing_of_what_runs_over_it(row, vpc):
    interface = builders.an_interface(row, vpc, md5="open sesame", has_md5=True)
    pdf = pdf_of(facts_of(row))

    said = text_of(pdf)
    for secret in (
        "open sesame",
        str(interface.vlan),
        str(interface.peer_asn),
        str(interface.remote_address),
        vpc.name,
    ):
        assert secret not in said
    assert b"sesame" not in pdf


def test_the_same_facts_make_the_same_bytes(row):
    assert pdf_of(facts_of(row)) == pdf_of(facts_of(row))


@pytest.mark.parametrize(
    "text", ["<b>&amp; </font>", "Größe für Zoë", "Łódź, Źródło", "Ελλάδα", "Скопје", "x" * 1999, "§\n\nb\n" * 100]
)
def test_whatever_a_text_has_it_is_a_letter(row, text):
    facts = {**facts_of(row), "text": text, "connection": text[:63]}

    document = pypdfium2.PdfDocument(pdf_of(facts))
    said = "".join(page.get_textpage().get_text_bounded() for page in document)
    assert text.split("\n")[0][:40] in said


def test_a_letter_that_its_font_lacks_is_a_question_mark_and_the_short_name_tells_who_is_meant(row):
    said = text_of(pdf_of({**facts_of(row), "tenant": "织布机"}))

    assert "??? (acme)" in said


def test_a_file_is_called_by_plain_letters():
    assert file_name_of({"number": 'LOA 1/ü"'}) == "LOA-1---.pdf"
