"""A reader of state folders that shares nothing with the product.

Written from docs/store.md alone, in thirty lines: who can read this document can get at
the data without the program that wrote it.
"""

import json
import zlib
from pathlib import Path
from typing import Any

Tables = dict[str, dict[int, Any]]


def read_folder(folder: Path) -> Tables:
    tables: Tables = {}
    for path in folder.glob("*.json"):
        for name, table in _checked(path).get("tables", {}).items():
            tables[name] = {record["id"]: record for record in table["records"]}
    newest = max((folder / "journal").glob("MANIFEST-*.json"))
    for segment in _checked(newest)["segments"]:
        group: list[Any] = []
        for line in (folder / "journal" / segment["name"]).read_bytes().splitlines():
            head, crc = line[:-18], line[-18:]
            assert crc == b',"crc":"%08x"}' % zlib.crc32(head), "a damaged line"
            operation = json.loads(line)
            group.append(operation)
            position, size = operation.get("tx", [1, 1])
            if position < size and not segment.get("compacted"):
                continue
            for each in group:
                table = tables.setdefault(each.get("put") or each["del"], {})
                table.pop(each["id"], None)
                if "put" in each:
                    table[each["id"]] = each["val"]
            group.clear()
    return tables


def _checked(path: Path) -> Any:
    first, second, rest = path.read_bytes().split(b"\n", 2)
    assert (first, second) == (b"{", b'  "crc": "%08x",' % zlib.crc32(rest))
    return json.loads(path.read_bytes())
