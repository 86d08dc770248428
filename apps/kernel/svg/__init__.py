"""Pictures drawn on the server: plain functions from frozen dataclasses to SVG. They know no model, request or setting.

The same input always gives the same picture. Colours come from CSS classes, so that themes and the print sheet apply;
nothing here writes a `style` attribute, which the content security policy forbids.
"""
