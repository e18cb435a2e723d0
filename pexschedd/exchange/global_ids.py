"""The global object id: what one meeting is called in every mailbox (MS-OXOCAL).

16 bytes   fixed
 4 bytes   year (big-endian), month, day of one occurrence; zero for the meeting
16 bytes   creation time and padding
 4 bytes   size of the data, little-endian
           the data: random bytes, or "vCal-Uid", 01 00 00 00, a foreign UID and 00
"""

from datetime import date

_PREFIX = bytes.fromhex("040000008200E00074C5B7101A82E008")
_DATE = slice(16, 20)
_SIZE = slice(36, 40)
_DATA = 40
_FOREIGN = b"vCal-Uid\x01\x00\x00\x00"

MAX_UID = 2000
"""Characters. A longer one is cut: it comes from outside and has no limit there."""


def canonical_uid(global_id: bytes) -> str:
    """The meeting's UID: the same text that `calendar:UID` holds.

    Upper-case hexadecimal of the clean id; or the UID that a foreign calendar gave,
    when the id was made from one. Empty if this is not a global object id.
    """
    if len(global_id) < _DATA or not global_id.startswith(_PREFIX):
        return ""
    size = int.from_bytes(global_id[_SIZE], "little")
    data = global_id[_DATA : _DATA + size]
    if data.startswith(_FOREIGN):
        foreign = data.removeprefix(_FOREIGN).rstrip(b"\x00")
        return readable_uid(foreign.decode("utf-8", errors="replace"))
    clean = global_id[: _DATE.start] + bytes(4) + global_id[_DATE.stop :]
    return readable_uid(clean.hex())


def readable_uid(uid: str) -> str:
    """`calendar:UID` in the one spelling that is used as a key."""
    uid = uid.strip()[:MAX_UID]
    upper = uid.upper()
    return upper if upper.startswith(_PREFIX.hex().upper()) else uid


def clean_global_id(uid: str) -> bytes:
    """The other way round: the clean id of a canonical UID, for looking it up."""
    if uid.startswith(_PREFIX.hex().upper()):
        try:
            return bytes.fromhex(uid)
        except ValueError:
            pass
    data = _FOREIGN + uid.encode() + b"\x00"
    return _PREFIX + bytes(20) + len(data).to_bytes(4, "little") + data


def occurrence_date(global_id: bytes) -> date | None:
    """The original day of the one occurrence that this id names, if it names one."""
    if len(global_id) < _DATA or not global_id.startswith(_PREFIX):
        return None
    high, low, month, day = global_id[_DATE]
    try:
        return date(high * 256 + low, month, day)
    except ValueError:
        return None
