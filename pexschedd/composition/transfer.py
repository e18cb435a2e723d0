"""Builds what takes whole configurations out of the store, and into it."""

from pexschedd.composition.runtime import Runtime, random_bytes, uuid4
from pexschedd.management.record_saver import SaveTools
from pexschedd.management.transfer.exporter import ConfigurationExporter
from pexschedd.management.transfer.importer import ConfigurationImporter
from pexschedd.store.installation_id import installation_id
from pexschedd.web.admin.transfer.configuration import ConfigurationRoutes


def transfer_routes(runtime: Runtime, tools: SaveTools) -> ConfigurationRoutes:
    """Build the routes for whole configurations; `tools` are the record writer's."""
    store, clock, now = runtime.store, runtime.reactor, runtime.now
    return ConfigurationRoutes(
        ConfigurationExporter(store, clock),
        ConfigurationImporter(store, tools, clock=clock, now=now),
        in_thread=runtime.in_thread,
        installation=lambda: installation_id(runtime.config.state_dir, uuid4),
        now=now,
        random=random_bytes,
    )
