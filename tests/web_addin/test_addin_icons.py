"""The default icon, and images that administrators upload."""

import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pexschedd.errors import InvalidFields, NotFound, StoreError
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.icons import MAX_UPLOAD, SIZES, accepted
from tests.web_addin.addin_support import CONNECTOR

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(size: tuple[int, int] = (80, 80), mode: str = "RGBA", **options: Any) -> bytes:
    out = BytesIO()
    Image.new(mode, size, 1 if mode == "1" else "red").save(out, "PNG", **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


@pytest.mark.parametrize("size", SIZES)
def test_the_default_icon(tmp_path: Path, size: int) -> None:
    """There is a picture of each size, opaque in the middle, with round corners."""
    data = ConnectorFiles(tmp_path).icon(CONNECTOR, size)
    with Image.open(BytesIO(data)) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (size, size), "RGBA")
        opacity = image.getchannel("A")
        assert opacity.getpixel((size // 2, size // 2)) == 255
        assert opacity.getpixel((0, 0)) in range(8)
    assert len(data) < MAX_UPLOAD


def test_an_uploaded_icon(tmp_path: Path) -> None:
    """It is served in every size, survives a restart, and changes the revision."""
    files = ConnectorFiles(tmp_path)
    before = files.icon_revision(CONNECTOR)
    files.set_icon(CONNECTOR, accepted(png()))
    revision = files.icon_revision(CONNECTOR)
    assert revision != before
    again = ConnectorFiles(tmp_path)
    assert again.icon_revision(CONNECTOR) == revision
    for size in SIZES:
        with Image.open(BytesIO(again.icon(CONNECTOR, size))) as image:
            assert image.size == (size, size)
            assert image.convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    assert [path.name for path in (tmp_path / "icons").iterdir()] == ["1.png"]
    assert (tmp_path / "icons" / "1.png").stat().st_mode & 0o777 == 0o600
    again.set_icon(CONNECTOR, None)
    assert again.icon_revision(CONNECTOR) == before
    again.set_icon(CONNECTOR, None)
    assert ConnectorFiles(tmp_path).icon_revision(CONNECTOR) == before


def test_other_sizes_do_not_exist(tmp_path: Path) -> None:
    """Nobody can ask for pictures without end."""
    with pytest.raises(NotFound):
        ConnectorFiles(tmp_path).icon(CONNECTOR, 4096)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_kinds_of_png(mode: str) -> None:
    """Every kind of PNG ends up as the same kind."""
    out = BytesIO()
    Image.new(mode, (80, 80)).save(out, "PNG")
    with Image.open(BytesIO(accepted(out.getvalue()))) as image:
        assert (image.size, image.mode) == ((80, 80), "RGBA")


def test_metadata_is_left_out() -> None:
    """Texts, positions and profiles in an upload do not reach the public."""
    texts = PngInfo()
    texts.add_text("Author", "somebody-private")
    body = png(pnginfo=texts, exif=b"Exif\x00\x00somebody-private", dpi=(72, 72))
    assert b"somebody-private" in body
    kept = accepted(body)
    assert b"somebody-private" not in kept
    assert b"pHYs" not in kept


REFUSED = {
    "empty": (b"", "not a PNG"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(100), "not a PNG"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG"),
    "signature only": (SIGNATURE, "damaged"),
    "too large": (png() + bytes(MAX_UPLOAD), "larger than 100 KB"),
    "too small a picture": (png((79, 80)), "79 x 80 pixels"),
    "too large a picture": (png((160, 160)), "160 x 160 pixels"),
    "cut off": (png()[:-30], "damaged"),
    "wrong checksum": (png()[:40] + b"\x00" + png()[41:], "damaged"),
    "no pixels": (png()[:33] + chunk(b"IEND", b""), "can be read"),
    "no header": (SIGNATURE + chunk(b"IEND", b""), "damaged"),
    "gigantic header": (
        SIGNATURE
        + chunk(b"IHDR", b"\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\x00\x00\x00"),
        "2147483647 x 2147483647",
    ),
}


@pytest.mark.parametrize(("body", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_uploads(body: bytes, words: str) -> None:
    """What is no 80 x 80 PNG is refused with the reason."""
    with pytest.raises(InvalidFields, match=words) as caught:
        accepted(body)
    assert list(caught.value.problems) == ["icon"]


def test_bombs() -> None:
    """Compressed texts are not unpacked, and too many pixels are not either."""
    bomb = zlib.compress(bytes(20_000_000), 9)
    header, rest = png()[:33], png()[33:]
    text = chunk(b"zTXt", b"a\x00\x00" + bomb)
    assert accepted(header + text + rest)
    pixels = header + chunk(b"IDAT", bomb) + chunk(b"IEND", b"")
    assert len(accepted(pixels)) < 1000


@given(st.binary(max_size=200), st.integers(0, 300))
def test_damaged_pictures(garbage: bytes, position: int) -> None:
    """A picture with anything in it is accepted or refused, never an error."""
    body = png()
    damaged = body[:33] + chunk(b"IDAT", garbage) + chunk(b"IEND", b"")
    for attempt in (body[:position] + garbage, damaged):
        with suppress(InvalidFields):
            accepted(attempt)


def test_a_full_disk(tmp_path: Path) -> None:
    """If it cannot be written, the error names the file and the old icon stays."""
    (tmp_path / "icons").write_text("in the way")
    files = ConnectorFiles(tmp_path)
    with pytest.raises(StoreError, match="icons"):
        files.set_icon(CONNECTOR, png())
