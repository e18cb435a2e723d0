"""Bytes of files and mail parts as text, whatever they say of their charset. Pure."""

import codecs
import re
from contextlib import suppress

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,9}=\s{0,9}[\"']?([a-z0-9_-]{1,40})", re.IGNORECASE
)


def decoded(data: bytes, charset: str = "") -> str:
    """Return the text; characters that make no sense are replaced, never refused.

    charset: as declared; one that is wrong or not known is not used.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    meta = _META.search(data[:4_096])
    said = meta[1].decode("ascii") if meta else ""
    for name in (charset, "utf-8", said):
        with suppress(LookupError, ValueError):
            # Only codecs of texts: others, such as zlib, make bytes grow.
            if name and codecs.lookup(name)._is_text_encoding:
                return data.decode(name)
    return data.decode("cp1252", "replace")
