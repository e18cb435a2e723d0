"""Packages of themes: ZIP files within bounds."""

from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest

from pexschedd.model.platform import theme_package
from pexschedd.model.platform.theme_package import package_problem

EMPTY = b"PK\x05\x06" + b"\0" * 18


def packed(files: dict[str, bytes], how: int = ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", how) as package:
        for name, content in files.items():
            package.writestr(ZipInfo(name), content, how)
    return out.getvalue()


THEME = packed({"themeconfig.json": b"{}", "sounds/conf-welcome.wav": b"RIFF" * 99})


@pytest.mark.parametrize("content", [EMPTY, THEME, packed({}), THEME[:-2] + b"\x05\0h"])
def test_a_theme_is_taken(content: bytes) -> None:
    """A usual package and an empty one, which clients' own tests send."""
    if content.endswith(b"\x05\0h"):
        content += b"ello"
    assert package_problem(content) is None


def renamed(name: bytes) -> bytes:
    """A package whose one file has this name in the directory and before its data."""
    return packed({"x" * len(name): b"a"}).replace(b"x" * len(name), name)


def encrypted() -> bytes:
    content = bytearray(packed({"a": b"a"}, ZIP_STORED))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def lying(field: int, value: int, length: int) -> bytes:
    """A package whose directory's end says something else."""
    end = THEME.index(b"PK\x05\x06") + field
    return THEME[:end] + value.to_bytes(length, "little") + THEME[end + length :]


WRONG: list[tuple[bytes, str]] = [
    (b"", "not a ZIP file"),
    (b"PK\x03\x04", "not a ZIP file"),
    (b"GIF89a" * 100, "not a ZIP file"),
    (THEME[:-1], "not a ZIP file"),
    (THEME[: len(THEME) // 2], "not a ZIP file"),
    (lying(12, 2**31, 4), "most that is taken"),
    (lying(10, 2_001, 2), "2001 files"),
    (lying(12, 3, 4), "not a ZIP file"),
    (lying(12, 0, 4)[:-22] + b"PK\x06\x07" + b"\0" * 16 + EMPTY, "ZIP64"),
    (packed({"a": b"\0" * 2_000_000}), "100 times"),
    (renamed(b"../evil"), "name"),
    (renamed(b"/etc/passwd"), "name"),
    (renamed(b"a\\b"), "name"),
    (renamed(b"C:/b"), "name"),
    (renamed(b"a\nb"), "name"),
    (encrypted(), "encrypted"),
    (packed({"a": b"a" * 99}, ZIP_BZIP2), "unusual"),
    (packed({"aa": b"1", "ab": b"2"}).replace(b"ab", b"aa"), "one name"),
    (packed({str(number): b"" for number in range(2_001)}), "2001 files"),
]


@pytest.mark.parametrize(("content", "problem"), WRONG, ids=[p for _, p in WRONG])
def test_anything_else_is_refused(content: bytes, problem: str) -> None:
    """With a sentence that says why, whatever the file is."""
    found = package_problem(content)
    assert found is not None
    assert problem in found
    assert found.startswith("The package ")
    assert found.endswith(".")


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits hold for the file, and for all that is in it."""
    content = packed({"a": bytes(range(256)) * 10, "b": bytes(range(256)) * 10})
    monkeypatch.setattr(theme_package, "LARGEST_UNPACKED", 5_120)
    assert package_problem(content) is None
    monkeypatch.setattr(theme_package, "LARGEST_UNPACKED", 5_119)
    assert "unpacks to more" in str(package_problem(content))
    monkeypatch.setattr(theme_package, "LARGEST", len(content) - 1)
    assert "is larger than" in str(package_problem(content))
