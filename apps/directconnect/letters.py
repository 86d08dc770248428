"""The letter of authorization (LOA-CFA): it lets whoever runs the meet-me room patch a cable to one of our ports.

What it says is kept with the order when it is issued (`facts_of`), so a later change of the location changes no letter.
It names the port and the tenant, and nothing of what runs over it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from apps.directconnect.models import Connection

INK, SOFT, LINE = HexColor("#1f2430"), HexColor("#5b6270"), HexColor("#c9cdd4")
FONTS = Path(__file__).parent / "fonts"
#: They have Latin, Greek and Cyrillic letters: for others there stands a question mark, and the short name tells who is
#: meant.
FONT, BOLD = "DejaVuSans", "DejaVuSans-Bold"


def facts_of(row: Connection) -> dict[str, Any]:
    """Of an order that has a port and a number."""
    port, issued_at, valid_until = row.port, row.loa_issued_at, row.loa_valid_until
    assert port is not None
    assert issued_at is not None
    assert valid_until is not None
    return {
        "number": row.loa_number,
        "issued_at": issued_at.isoformat(),
        "valid_until": valid_until.isoformat(),
        "order": str(row.pk),
        "connection": row.name,
        "tenant": row.tenant.name,
        "tenant_short_name": row.tenant.slug,
        "location": row.location.name,
        "address": row.location.address,
        "room": row.location.room,
        "device": port.device,
        "port": port.name,
        "rate": row.rate,
        "kind": row.get_kind_display(),
        "text": row.location.loa_text,
    }


def pdf_of(facts: dict[str, Any]) -> bytes:
    """One page of A4. The same facts make the same bytes."""
    for name in (FONT, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        invariant=1,
        leftMargin=22 * mm,
        rightMargin=22 * mm,
        topMargin=24 * mm,
        bottomMargin=20 * mm,
        title=f"Letter of authorization {facts['number']}",
        author="Weft",
        subject=f"{facts['port']} at {facts['location']}",
    )
    document.build(_story(facts))
    return out.getvalue()


def file_name_of(facts: dict[str, Any]) -> str:
    """Plain letters alone, whatever the platform numbers its letters with."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "-" for each in facts["number"])
    return f"{plain}.pdf"


def _style(name: str, **options: Any) -> ParagraphStyle:
    usual = {"fontName": FONT, "fontSize": 9.5, "leading": 13.5, "textColor": INK, "alignment": TA_LEFT}
    return ParagraphStyle(name, **{**usual, **options})


BODY = _style("body", splitLongWords=1)
LABEL = _style("label", textColor=SOFT, fontSize=8.5)
HEAD = _style("head", fontName=BOLD, fontSize=17, leading=22)
PART = _style("part", fontName=BOLD, fontSize=11, leading=15, spaceBefore=11, spaceAfter=4)


def _story(facts: dict[str, Any]) -> list[Any]:
    until = _day(facts["valid_until"])
    who = f"{facts['tenant']} ({facts['tenant_short_name']})"
    return [
        Paragraph("Letter of authorization", HEAD),
        Paragraph("and connecting facility assignment (LOA-CFA)", LABEL),
        Spacer(1, 5 * mm),
        _table([("Number", facts["number"]), ("Issued", _day(facts["issued_at"])), ("Valid until", until)]),
        Paragraph("Authorized", PART),
        _table([("Tenant", who), ("Connection", facts["connection"]), ("Order", facts["order"])]),
        Paragraph("Facility", PART),
        _table(
            [
                ("Location", facts["location"]),
                ("Address", facts["address"]),
                ("Room", facts["room"]),
                ("Device", facts["device"]),
                ("Port", facts["port"]),
                ("Speed", facts["rate"]),
                ("Kind", facts["kind"]),
            ]
        ),
        Paragraph("Terms", PART),
        *(Paragraph(_escaped(line) or "&nbsp;", BODY) for line in _terms(facts, who, until)),
    ]


def _terms(facts: dict[str, Any], who: str, until: str) -> list[str]:
    said = (
        f"The holder may have a cross-connect made to the port named above, at this location and in this room, for "
        f"{who}. No other port may be patched. After {until} this letter is void."
    )
    return [said, *(facts["text"].split("\n") if facts["text"] else [])]


def _table(rows: list[tuple[str, str]]) -> Table:
    cells = [[Paragraph(label, LABEL), Paragraph(_escaped(value), BODY)] for label, value in rows]
    table = Table(cells, colWidths=[34 * mm, 132 * mm], hAlign="LEFT")
    rule = ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)
    table.setStyle(TableStyle([rule, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0)]))
    return table


def _escaped(text: str) -> str:
    known = pdfmetrics.getFont(FONT).face.charToGlyph
    return (
        "".join(each if ord(each) in known else "?" for each in text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
    )


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%d %B %Y, %H:%M UTC")
