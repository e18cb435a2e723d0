"""The check of a theme's package: a ZIP file of bounded size. Pure.

Its directory is read, and nothing is unpacked. The sizes in it are what the file says
of itself; whoever unpacks it has to bound them again.
"""

import re
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

LARGEST = 16 * 1024 * 1024
"""Bytes of a package."""
MOST_MEMBERS = 2_000
LARGEST_UNPACKED = 128 * 1024 * 1024
"""Bytes of all members together."""
HIGHEST_RATIO = 100
"""Unpacked bytes for each packed one, beyond `FREE_OF_RATIO`: a theme's sounds and
pictures are packed already."""
FREE_OF_RATIO = 1024 * 1024

_END = b"PK\x05\x06"
_END_LENGTH = 22
_LONGEST_COMMENT = 65_535
_ZIP64_LOCATOR = b"PK\x06\x07"
_DIRECTORY_ENTRY = 512
"""Bytes of the directory for one member: far more than usual ones need."""
_ENCRYPTED = 0x1
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")


def package_problem(content: bytes) -> str | None:
    """Return what is wrong with a package, or None."""
    if len(content) > LARGEST:
        return f"The package is larger than {LARGEST // 1024**2} MiB."
    problem = _directory_problem(content)
    if problem is not None:
        return problem
    try:
        with ZipFile(BytesIO(content)) as package:
            members = package.infolist()
    except (BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        return f"The package is not a ZIP file that can be read: {error}."
    if len(members) > MOST_MEMBERS:
        return _too_many(len(members))
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_UNPACKED:
        return f"The package unpacks to more than {LARGEST_UNPACKED // 1024**2} MiB."
    if unpacked > FREE_OF_RATIO + HIGHEST_RATIO * len(content):
        return f"The package unpacks to more than {HIGHEST_RATIO} times its size."
    return _members_problem(members)


def _directory_problem(content: bytes) -> str | None:
    """The problem with the end of the directory (APPNOTE.TXT, section 4.3.16), which
    says how much of it there is to read."""
    end = content.rfind(_END, max(0, len(content) - _END_LENGTH - _LONGEST_COMMENT))
    if end < 0 or end + _END_LENGTH > len(content):
        return "The package is not a ZIP file, or its end is missing."
    if content[max(0, end - 20) : end].startswith(_ZIP64_LOCATOR):
        return "The package is a ZIP64 file: save it without that."
    count = int.from_bytes(content[end + 10 : end + 12], "little")
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    if count > MOST_MEMBERS or size > MOST_MEMBERS * _DIRECTORY_ENTRY:
        return _too_many(count)
    return None


def _members_problem(members: list[ZipInfo]) -> str | None:
    names = set()
    for member in members:
        shown = member.orig_filename[:100].encode("ascii", "backslashreplace").decode()
        if _ODD.search(member.orig_filename) or not member.orig_filename:
            return f"The package has a file with a name that is not taken: {shown}."
        if member.filename in names:
            return f"The package has two files of one name: {shown}."
        if member.flag_bits & _ENCRYPTED:
            return f"The package has an encrypted file: {shown}."
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            return f"The package has a file that is packed in an unusual way: {shown}."
        names.add(member.filename)
    return None


def _too_many(count: int) -> str:
    return (
        f"The package has {count} files, or a directory for more than {MOST_MEMBERS}: "
        "the most that is taken."
    )
