"""A sandbox with Microsoft Graph, and a daemon that it can post to."""

import json
from pathlib import Path
from typing import Any

import requests

from benchmarks.graph_access import CLIENT, SECRET, TENANT
from tests.net.net_support import Authority, dns
from tests.ports import free_ports
from tests.system.room_support import ROOM
from tests.system.system_support import ALICE, EQUIPMENT, Twistd, World
from tests.system.trust_support import keep

FOLDERS = 2
"""That are watched: the inbox and Deleted Items."""
ACCOUNTS: list[dict[str, Any]] = [
    {"address": ALICE, "name": "Alice Archer", "password": "alice"},
    {"address": EQUIPMENT, "name": "Pexip Meeting", "purpose": "equipment"},
    {
        "address": ROOM,
        "processing": "auto_accept",
        "calendar_processing": {
            "delete_comments": False,
            "delete_subject": False,
            "add_organizer_to_subject": False,
        },
    },
]


class Cloud(World):
    """A sandbox with an application for Graph, and a daemon whose public side speaks
    TLS, as Graph posts over nothing else."""

    def __init__(self, folder: Path, **config: Any) -> None:
        super().__init__(folder, **config)
        authority = Authority("Example internal root")
        key, certificate = keep(folder, authority.server(dns("localhost")))
        trusted, accounts = folder / "authority.pem", folder / "accounts.json"
        trusted.write_bytes(authority.pem)
        accounts.write_text(json.dumps(ACCOUNTS))
        public = free_ports(2)
        screens = public + 1
        self.public = f"localhost:{public}"
        self.screens = f"http://127.0.0.1:{screens}"
        settings = json.loads(self.config.read_text())
        settings["endpoints"]["addin"].append(
            f"ssl:{public}:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
        )
        settings["endpoints"]["rooms"] = [f"tcp:{screens}:interface=127.0.0.1"]
        self.config.write_text(json.dumps(settings))
        listen = f"tcp:{self.exchange.rpartition(':')[2]}:interface=127.0.0.1"
        self.sandbox = Twistd(
            folder,
            "exchangesandbox",
            *("--listen", listen),
            *("--accounts", str(accounts)),
            *("--webhook-ca", str(trusted)),
        )

    def start(self) -> None:
        super().start()
        requests.put(
            f"{self.exchange}/sandbox/graph/applications",
            json={"client_id": CLIENT, "tenant": TENANT, "secret": SECRET},
            timeout=10,
        ).raise_for_status()

    def subscriptions(self) -> set[str]:
        """The ids of the subscriptions to both folders; empty until both are there."""
        answer = requests.get(f"{self.exchange}/sandbox/graph/lifecycle", timeout=10)
        answer.raise_for_status()
        known = answer.json()
        sides = {each["notificationUrl"].partition("/api/")[0] for each in known}
        assert sides <= {f"https://{self.public}"}
        return {each["id"] for each in known} if len(known) == FOLDERS else set()
