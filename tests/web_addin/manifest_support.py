"""Manifests of an integration, and the namespaces of their parts."""

from lxml import etree
from lxml.etree import _Element
from msgspec.structs import replace

from pexschedd.web.addin.manifest.builder import build_manifest
from tests.web_addin.addin_support import CONNECTOR

BASE = "{http://schemas.microsoft.com/office/appforoffice/1.1}"
TYPES = "{http://schemas.microsoft.com/office/officeappbasictypes/1.0}"
V1_0 = "{http://schemas.microsoft.com/office/mailappversionoverrides}"
V1_1 = "{http://schemas.microsoft.com/office/mailappversionoverrides/1.1}"


def built(**changes: object) -> _Element:
    return etree.fromstring(build_manifest(replace(CONNECTOR, **changes), "a1"))
