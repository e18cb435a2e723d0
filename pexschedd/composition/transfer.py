"""Builds what takes whole configurations out of the store, and into it."""

from pexschedd import __version__
from pexschedd.composition.runtime import Runtime, random_bytes, uuid4
from pexschedd.deployment.client import DeploymentAccount, DeploymentReader
from pexschedd.management.record_saver import SaveTools
from pexschedd.management.transfer.csv_transfer import CsvTransfer
from pexschedd.management.transfer.exporter import ConfigurationExporter
from pexschedd.management.transfer.importer import ConfigurationImporter
from pexschedd.net.network import Network
from pexschedd.store.archive.live import StoreArchives
from pexschedd.store.installation_id import installation_id
from pexschedd.web.admin.api import AdminRoutes
from pexschedd.web.admin.transfer.backup import BackupRoutes
from pexschedd.web.admin.transfer.configuration import (
    ConfigurationRoutes,
    large_documents,
)
from pexschedd.web.admin.transfer.csv_files import CsvRoutes, large_tables
from pexschedd.web.admin.transfer.deployment import DeploymentRoutes


def transfer_routes(
    runtime: Runtime, network: Network, tools: SaveTools
) -> tuple[AdminRoutes, ...]:
    """Build the routes for whole configurations and for backups; `tools` are the record
    writer's."""
    store, clock, now = runtime.store, runtime.reactor, runtime.now
    importer = ConfigurationImporter(store, tools, clock=clock, now=now)
    configurations = ConfigurationRoutes(
        ConfigurationExporter(store, clock),
        importer,
        in_thread=runtime.in_thread,
        installation=lambda: installation_id(runtime.config.state_dir, uuid4),
        now=now,
        random=random_bytes,
    )
    archives = StoreArchives(
        store,
        runtime.config.state_dir,
        runtime.in_thread,
        release=__version__,
        random=random_bytes,
    )
    client = network.http_client()

    def connect(address: str, username: str, password: str) -> DeploymentReader:
        account = DeploymentAccount(address, username, password)
        return DeploymentReader(client, clock, account)

    return (
        configurations,
        DeploymentRoutes(importer, connect, clock),
        CsvRoutes(CsvTransfer(store, importer, clock)),
        BackupRoutes(archives, clock, now),
    )


def large_transfers() -> dict[bytes, int]:
    """Return the addresses that take documents and tables; see `large_documents`."""
    return large_documents() | large_tables()
