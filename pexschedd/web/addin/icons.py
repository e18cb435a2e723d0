"""The add-in's icon: a drawing of our own, or an uploaded one, in every size. Pure.

An uploaded image is not trusted. Its chunks are sorted before Pillow sees them (only
those that make the picture pass, so no compressed texts, profiles or animations), its
dimensions are checked before anything is unpacked, and a new image is made from its
pixels.
"""

from io import BytesIO
from zlib import crc32

from PIL import Image, ImageDraw

from pexschedd.errors import InvalidFields

SIZES = (16, 20, 24, 32, 40, 48, 64, 80, 128)
"""Pixels. Those up to 80 are the ribbon's, 64 and 128 the add-in list's."""

UPLOAD = (80, 80)
MAX_UPLOAD = 100 * 1024
"""Bytes: the most that Outlook takes."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def default_icon(size: int) -> bytes:
    """Return a white camera on a blue tile (PNG), visible on light and dark ribbons."""
    scale = 8  # drawn large and made smaller: Pillow's shapes have hard edges
    edge = size * scale

    def box(left: float, top: float, right: float, bottom: float) -> list[float]:
        return [edge * side for side in (left, top, right, bottom)]

    image = Image.new("RGBA", (edge, edge), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    blue, white, spot = (15, 108, 189, 255), (255, 255, 255, 255), (15, 108, 189, 255)
    draw.rounded_rectangle(box(0.02, 0.02, 0.98, 0.98), edge * 0.2, fill=blue)
    draw.rounded_rectangle(box(0.16, 0.31, 0.62, 0.69), edge * 0.08, fill=white)
    lens = [(0.66, 0.46), (0.84, 0.34), (0.84, 0.66), (0.66, 0.54)]
    draw.polygon([(x * edge, y * edge) for x, y in lens], fill=white)
    if size >= 32:  # below that the plus is only dirt
        draw.rectangle(box(0.3, 0.475, 0.48, 0.525), fill=spot)
        draw.rectangle(box(0.365, 0.41, 0.415, 0.59), fill=spot)
    return _png(image.resize((size, size), Image.Resampling.LANCZOS))


def scaled(image: bytes, size: int) -> bytes:
    """Return an icon of `accepted` in another size (PNG)."""
    with Image.open(BytesIO(image), formats=["PNG"]) as opened:
        return _png(opened.resize((size, size), Image.Resampling.LANCZOS))


def accepted(body: bytes) -> bytes:
    """Return an uploaded icon, made anew (PNG).

    Raises `InvalidFields` that says what is wrong with it.
    """
    if len(body) > MAX_UPLOAD:
        raise _wrong(f"The icon is larger than {MAX_UPLOAD // 1024} KB.")
    picture = _picture_chunks(body)
    width, height = (int.from_bytes(picture[16 + i : 20 + i], "big") for i in (0, 4))
    if (width, height) != UPLOAD:
        raise _wrong(f"The icon has {width} x {height} pixels instead of 80 x 80.")
    try:
        with Image.open(BytesIO(picture), formats=["PNG"]) as image:
            return _png(image.convert("RGBA"))
    except Exception:  # noqa: BLE001 - Pillow raises many kinds for a broken image
        raise _wrong("The icon is not a PNG image that can be read.") from None


def _picture_chunks(body: bytes) -> bytes:
    """The signature, IHDR and the other chunks that make the picture."""
    if not body.startswith(_SIGNATURE):
        raise _wrong("The icon is not a PNG image.")
    kept = [_SIGNATURE]
    position = len(_SIGNATURE)
    while position < len(body):
        length = int.from_bytes(body[position : position + 4], "big")
        end = position + 12 + length
        kind = body[position + 4 : position + 8]
        data = body[position + 4 : end - 4]
        if end > len(body) or crc32(data) != int.from_bytes(body[end - 4 : end], "big"):
            raise _wrong("The icon is a damaged PNG image.")
        if len(kept) == 1 and (kind != b"IHDR" or length != 13):
            raise _wrong("The icon is a damaged PNG image.")
        if kind in _PICTURE:
            kept.append(body[position:end])
        if kind == b"IEND":
            break
        position = end
    if len(kept) == 1:
        raise _wrong("The icon is a damaged PNG image.")
    return b"".join(kept)


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _wrong(problem: str) -> InvalidFields:
    return InvalidFields({"icon": [problem]})
