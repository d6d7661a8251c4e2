"""What a reader of an SVG file reads."""

from pathlib import Path
from xml.etree import ElementTree


def svg_words(svg: Path) -> str:
    """All words in it, lines joined."""
    texts = ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join("".join(text.itertext()).strip() for text in texts)
