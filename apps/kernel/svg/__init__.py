"""What pictures are drawn with on the server: strokes, text, colours, the table of statuses, and the bar.

Each picture lives with what it is of (`apps/fabric/topology.py`, `apps/networks/vpc_map.py`): plain functions from
frozen dataclasses to SVG, which know no model, request or setting. The same input always gives the same picture.
Colours come from CSS classes, so that themes and the print sheet apply; nothing writes a `style` attribute, which the
content security policy forbids.
"""
