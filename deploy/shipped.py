"""What is shipped beside our own code: an SBOM, and the licences of all of it.

    python -m deploy.shipped sbom FOLDER
    python -m deploy.shipped licences FOLDER

FOLDER is a `site-packages` into which requirements/run.txt was installed. The SBOM is
CycloneDX 1.6 in JSON: https://cyclonedx.org/docs/1.6/json/. It names no time and no
random number, so it is the same for the same folder.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, TextIO
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pexschedd import __version__

OURS = "pexschedd"
_ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL
)
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_TEXTS = re.compile(r"(^|/)(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
_CLASSIFIER = "License :: "
_OF_PARTS = ("type", "name", "version", "scope", "hashes", "licenses", "purl")
"""Fields of a component that are taken over from another SBOM."""


def main() -> int:
    """Write what was asked for to standard output."""
    what, folder = sys.argv[1:]
    {"sbom": write_sbom, "licences": write_licences}[what](Path(folder), sys.stdout)
    return 0


def shipped(folder: Path) -> list[Distribution]:
    """Return all distributions in a folder but ours, by name.

    Raises `ValueError` for one that requirements/run.txt does not have, or has in
    another release, and for an empty folder.
    """
    pins = _pins()
    found = {}
    for each in distributions(path=[str(folder)]):
        name = canonicalize_name(each.name)
        if name == OURS:
            continue
        if name not in pins or pins[name][0] != each.version:
            raise ValueError(f"{name} {each.version} is not what the lock has")
        found[name] = each
    if not found:
        raise ValueError(f"{folder} has no distributions")
    return [found[name] for name in sorted(found)]


def write_sbom(folder: Path, out: TextIO) -> None:
    """Write the SBOM of what is in a folder."""
    json.dump(sbom(shipped(folder)), out, indent=2)
    out.write("\n")


def sbom(found: list[Distribution]) -> dict[str, Any]:
    """Return the SBOM of pexschedd with these distributions."""
    pins = _pins()
    names = {canonicalize_name(each.name) for each in found}
    us = f"pkg:pypi/{OURS}@{__version__}"
    components = [_component(each, pins) for each in found]
    refs = {each["name"]: each["bom-ref"] for each in components}
    content = " ".join(refs.values())
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{us} {content}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": us,
                "name": OURS,
                "version": __version__,
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": us,
            }
        },
        "components": components,
        "dependencies": [
            {"ref": us, "dependsOn": [refs[n] for n in _direct() if n in refs]},
            *(
                {
                    "ref": refs[canonicalize_name(each.name)],
                    "dependsOn": sorted(refs[name] for name in _needs(each) & names),
                }
                for each in found
            ),
        ],
    }


def write_licences(folder: Path, out: TextIO) -> None:
    """Write the names and the texts of the licences of what is in a folder."""
    found = shipped(folder)
    out.write(
        f"pexschedd {__version__} is shipped with the following. Its own licence is in "
        "LICENSE.\n\n"
    )
    out.writelines(
        f"{each.name} {each.version}: {licence_name(each)}\n" for each in found
    )
    for each in found:
        out.write(f"\n{'=' * 78}\n{each.name} {each.version}\n{'=' * 78}\n")
        out.writelines(
            f"\n--- {name}\n\n{text.rstrip()}\n" for name, text in licence_texts(each)
        )


def licence_name(distribution: Distribution) -> str:
    """Return the SPDX expression of a distribution's licence, or what it says instead.

    Raises `ValueError` if it says nothing.
    """
    metadata = distribution.metadata
    if expression := metadata.json.get("license_expression"):
        return str(expression)
    written = str(metadata.json.get("license", "")).strip()
    if written and "\n" not in written and written != "UNKNOWN":
        return written
    classifiers = metadata.get_all("Classifier") or []
    names = [c.split(" :: ")[-1] for c in classifiers if c.startswith(_CLASSIFIER)]
    if not names:
        raise ValueError(f"{distribution.name} does not name its licence")
    return ", ".join(names)


def licence_texts(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """Yield the files of a distribution's metadata that have its licence."""
    for file in sorted(distribution.files or [], key=str):
        if ".dist-info/" in str(file) and _TEXTS.search(str(file)):
            text = Path(str(file.locate())).read_text("utf-8", "replace")
            yield file.name, text


def bundled(distribution: Distribution) -> list[dict[str, Any]]:
    """Return the components that a distribution says are compiled into it, such as
    OpenSSL: in SBOMs of its own, in CycloneDX, among its metadata (PEP 770)."""
    own = f"pkg:pypi/{canonicalize_name(distribution.name)}@"
    found = []
    for file in sorted(distribution.files or [], key=str):
        if ".dist-info/sboms/" not in str(file) or file.suffix != ".json":
            continue
        bom = json.loads(Path(str(file.locate())).read_text("utf-8"))
        found += [
            {key: part[key] for key in _OF_PARTS if key in part}
            for part in bom.get("components", ())
            if not part.get("purl", "").startswith(own)
        ]
    return found


def _component(
    each: Distribution, pins: dict[str, tuple[str, list[str]]]
) -> dict[str, Any]:
    name = canonicalize_name(each.name)
    purl = f"pkg:pypi/{name}@{each.version}"
    licence = licence_name(each)
    has_expression = "license_expression" in each.metadata.json
    parts = bundled(each)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": each.version,
        "licenses": [
            {"expression": licence}
            if has_expression
            else {"license": {"name": licence}}
        ],
        "purl": purl,
        # Of each of its files that the lock allows: which one it was is the machine's.
        "externalReferences": [
            {
                "type": "distribution",
                "url": purl,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for digest in pins[name][1]
        ],
        **({"components": parts} if parts else {}),
    }


def _needs(distribution: Distribution) -> set[str]:
    """Return the names of what a distribution requires here, without its extras."""
    needed = (Requirement(line) for line in distribution.requires or [])
    return {
        canonicalize_name(each.name)
        for each in needed
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }


def _direct() -> list[str]:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    needed = map(Requirement, project["dependencies"])
    return sorted(canonicalize_name(each.name) for each in needed)


def _pins() -> dict[str, tuple[str, list[str]]]:
    """Return the release and the digests of each distribution in the lock."""
    text = (_ROOT / "requirements" / "run.txt").read_text()
    return {
        canonicalize_name(name): (release, _DIGEST.findall(rest))
        for name, release, rest in _PIN.findall(text)
    }


if __name__ == "__main__":
    sys.exit(main())
