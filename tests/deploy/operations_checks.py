"""Blocks of docs/operations.md: what is there before them, what is typed, and what has
to be seen afterwards, each by the beginning of its block."""

import re
from collections.abc import Callable

import msgspec

from benchmarks.graph_access import CLIENT, SECRET, TENANT
from tests.deploy.machine_programs import LOG
from tests.deploy.machine_support import ADMIN, CONFIG, SANDBOX, STATE, Machine
from tests.system.system_support import EQUIPMENT

NEW_PASSWORD = "correct horse"
NODE_PASSWORD = "geheim"
NEWER = "0.3.0"
KEY = "/etc/pexip/scheduling/key.pem"
CHAIN = "/etc/pexip/scheduling/chain.pem"
INTEGRATIONS = "configuration/v1/ms_exchange_connector/"
DEPLOYMENTS = "configuration/v1/mjx_exchange_deployment/"
PATCH_OF = (
    f"curl -Ssf -u admin:PASSWORD -X PATCH -H 'Content-Type: application/json' {ADMIN}"
)
POLICY = "http://127.0.0.1:8080/policy/v1/service/configuration?local_alias=1"
SHOWN = "openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509"


# What is there before some blocks


def an_integration(machine: Machine) -> None:
    """The first one, which reaches its Exchange, and has nothing for Graph."""
    machine.start_exchange()
    made = {
        "name": "Head office",
        "url": f"{SANDBOX}/EWS/Exchange.asmx",
        "username": "svc@example.test",
        "password": "svc",
        "room_mailbox_name": "Pexip Meeting",
        "room_mailbox_email_address": EQUIPMENT,
        "addin_server_domain": "127.0.0.1:8080",
        "scheduled_alias_prefix": "555",
        "scheduled_alias_suffix_length": 6,
        "scheduled_alias_domain": "example.test",
        "domains": [{"domain": f"{SANDBOX}/autodiscover/metadata/json/1"}],
    }
    machine.ask("POST", INTEGRATIONS, made)


def a_tenant(machine: Machine) -> None:
    """It is here, and not at Microsoft; it knows the application."""
    application = {"client_id": CLIENT, "tenant": TENANT, "secret": SECRET}
    machine.run(
        f"curl -sSf -X PUT --data @- {SANDBOX}/sandbox/graph/applications",
        text=msgspec.json.encode(application).decode(),
    )
    entered = {
        "oauth_client_id": CLIENT,
        "oauth_client_secret": SECRET,
        "oauth_token_endpoint": f"{SANDBOX}/{TENANT}/oauth2/v2.0/token",
        "graph_api_domain": SANDBOX.removeprefix("http://"),
        "graph_notification_method": "POLL",
    }
    machine.ask("PATCH", f"{INTEGRATIONS}1/", entered)


def a_newer_release(machine: Machine) -> None:
    """It has kept a copy, and writes what this one does not know: this one does not
    start, and names it."""
    copy = f"{STATE}/backups/before-{NEWER}"
    machine.run(
        f"systemctl stop pexschedd; cd {STATE}\n"
        f"mkdir -m 0700 {copy}; cp -a $(ls -A | grep -v -e backups -e LOCK) {copy}\n"
        f"chown pexschedd:pexschedd {copy}\n"
        'sed -i -e \'/"crc"/d\' -e \'s/"format": 1/"format": 2/\' '
        f'-e \'s/"version": "[^"]*"/"version": "{NEWER}"/\' format.json'
    )
    refused = machine.run("systemctl start pexschedd || tail -n 1 " + LOG)
    assert f"Install {NEWER} or a later release." in refused


def an_accident(machine: Machine) -> None:
    """The integration of which a backup was made has gone."""
    machine.ask("DELETE", f"{INTEGRATIONS}1/")
    assert machine.ask("GET", INTEGRATIONS)["objects"] == []


def a_key_elsewhere(machine: Machine) -> None:
    """A copy of the key is in another place; the state of this machine has its own."""
    machine.run(f"install -m 0600 {STATE}/secret.key /root/pexschedd-secret.key")
    machine.run(f"rm {STATE}/secret.key")


def a_guess(machine: Machine) -> None:
    """Of the administrator's password."""
    assert machine.status_of(f"{ADMIN}configuration/v1/", "admin:guessed") == "401"


def an_audit_log_of_root(machine: Machine) -> None:
    """The daemon cannot write it any more."""
    machine.run(f"chown -R root {STATE}/audit")
    machine.ask("POST", "configuration/v1/system_location/", {"name": "Oslo"})
    machine.wait_for_line("audit log cannot be written", LOG)


def a_deployment_of_rooms(machine: Machine) -> None:
    """It is read over EWS, with the quota that is there by default."""
    made = {
        "name": "Rooms",
        "ews_url": f"{SANDBOX}/EWS/Exchange.asmx",
        "service_account_username": "svc@example.test",
        "service_account_password": "svc",
    }
    machine.ask("POST", DEPLOYMENTS, made)


BEFORE: dict[str, Callable[[Machine], None]] = {
    "install -m 0600 -o pexschedd": a_key_elsewhere,
    "systemctl stop pexschedd-addin.socket pexschedd\nmv": an_accident,
    "tail -n 50": a_guess,
    'journalctl -u pexschedd | grep "audit log': an_audit_log_of_root,
    "curl -Ssf -u admin:PASSWORD -X PATCH": an_integration,
    f"{PATCH_OF}{DEPLOYMENTS}": a_deployment_of_rooms,
    "pexschedd-check --migrate 1 --dry-run": a_tenant,
    "systemctl stop pexschedd-addin.socket pexschedd\npexschedd-store": a_newer_release,
}

# What is typed

TYPED = {
    "install -m 0640": f"{NODE_PASSWORD}\n",
    "pexschedd-password": f"{NEW_PASSWORD}\n",
}
# What has to be seen


def installed(machine: Machine, said: str) -> None:
    assert "is in order" in said
    assert f":{STATE}:" in machine.run("getent passwd pexschedd")


def running(machine: Machine, said: str) -> None:
    assert "Active: active (running)\nStatus: 0 integrations" in said
    assert '{"status":"ok"' in said


def every_unit_is_there(machine: Machine, said: str) -> None:
    wanted = machine.run("ls /etc/systemd/system/*.wants").split()
    units = {
        "pexschedd.service",
        "pexschedd-backup.timer",
        "pexschedd-maintenance.timer",
    }
    assert units <= set(wanted)
    assert machine.run(f"stat -c '%U %a' {STATE}") == "pexschedd 700\n"


def nodes_need_the_password(machine: Machine, said: str) -> None:
    assert machine.status_of(POLICY, f"node:{NODE_PASSWORD}") == "200"
    assert machine.status_of(POLICY, "node:guessed") == "401"


def one_copy(machine: Machine, said: str) -> None:
    assert re.fullmatch(r"\d{8}T\d{6}Z\n", said)


def copied_elsewhere(machine: Machine, said: str) -> None:
    one_copy(machine, machine.run("ls /srv/backup"))
    assert machine.run(f"ls {STATE}/backups | wc -l") == "1\n"


def first_password(machine: Machine, said: str) -> None:
    machine.password = said.strip()


def signed_in(machine: Machine, said: str) -> None:
    assert "ms_exchange_connector" in msgspec.json.decode(said)


def another_password(machine: Machine, said: str) -> None:
    url = f"{ADMIN}configuration/v1/"
    assert machine.status_of(url, f"admin:{machine.password}") == "401"
    machine.password = NEW_PASSWORD
    assert machine.status_of(url, f"admin:{NEW_PASSWORD}") == "200"
    assert "initial-admin-password" not in machine.run(f"ls {STATE}")


def renewed(machine: Machine, said: str) -> None:
    """The daemon looks by itself within seconds; the reload that comes next does so at
    once."""
    assert "subject=CN = rooms.example.com" in said.replace("CN=", "CN = ")
    assert machine.run(f"stat -c '%U:%G %a' {KEY}") == "root:pexschedd 640\n"


def read_again(machine: Machine, said: str) -> None:
    reloaded = "configuration reloaded changed=[^ ]*log.level[^ ]* kept=- next_start=-"
    machine.wait_for_line(reloaded, LOG)
    assert machine.run(SHOWN) == machine.run(f"openssl x509 <{CHAIN}")


def the_script(machine: Machine, said: str) -> None:
    assert "-AutomateProcessing AutoUpdate" in machine.read("/root/for-graph.ps1")


def protocol(machine: Machine) -> str:
    (integration,) = machine.ask("GET", INTEGRATIONS)["objects"]
    return str(integration["mailbox_protocol"])


def would_migrate(machine: Machine, said: str) -> None:
    assert "Dry run: nothing was changed." in said
    assert "integrations migrated: 1" in said
    assert protocol(machine) == "EWS"


def migrated(machine: Machine, said: str) -> None:
    assert "integrations migrated: 1" in said
    assert protocol(machine) == "GRAPH"


def is_migrated_already(machine: Machine, said: str) -> None:
    begun, status = said.replace("}{", "}\n{").splitlines()
    run = msgspec.json.decode(status)
    assert run["id"] == msgspec.json.decode(begun)["id"]
    assert (run["to"], len(run["reasons"])) == ("GRAPH", 1)
    assert "GRAPH already" in run["reasons"][0]


def taken_back(machine: Machine, said: str) -> None:
    assert "integrations migrated: 1" in said
    assert protocol(machine) == "EWS"


def a_copy(machine: Machine, said: str) -> None:
    assert f"A copy of the state folder is in {STATE}/backups/" in said


def put_back(machine: Machine, said: str) -> None:
    owner = machine.run(f"stat -c '%U %a' {STATE}/secret.key")
    assert owner == "pexschedd 600\n"


def sound(machine: Machine, said: str) -> None:
    assert "is sound" in said


def restored(machine: Machine, said: str) -> None:
    """The integration is there again, and so are the backups."""
    assert "Integration 1: Head office" in said
    (integration,) = machine.ask("GET", INTEGRATIONS)["objects"]
    assert integration["name"] == "Head office"
    assert machine.run(f"ls {STATE}/backups")


def rolled_back(machine: Machine, said: str) -> None:
    """It runs on the copy; the newer release's folder is as that has left it."""
    assert "is sound" in said
    assert "Integration 1: Head office" in said
    (integration,) = machine.ask("GET", INTEGRATIONS)["objects"]
    assert integration["name"] == "Head office"
    assert f'"{NEWER}"' in machine.read(f"{STATE}-{NEWER}/format.json")


def looked_at(machine: Machine, said: str) -> None:
    assert '{"status":"ok"' in said
    assert "\npexschedd_ews_calls_total{" in said
    assert said.count('{"meta":') == 2


def a_bundle(machine: Machine, said: str) -> None:
    bundle = "/root/pexschedd-support.tar.gz"
    assert machine.run(f"stat -c %a {bundle}") == "600\n"
    names = machine.run(f"tar -tzf {bundle}")
    for name in ("configuration_file.json", "doctor.txt", "log.txt"):
        assert name in names
    assert "daemon starting" in machine.run(
        f"tar -xzOf {bundle} --wildcards '*log.txt'"
    )


def why_it_is_down(machine: Machine, said: str) -> None:
    assert "Active: active (running)" in said
    assert "daemon started" in said
    assert f"{CONFIG} is in order." in said


def why_it_was_restarted(machine: Machine, said: str) -> None:
    assert 'message":"daemon stopped' in said


def no_pause(machine: Machine, said: str) -> None:
    assert re.fullmatch(
        r'pexschedd_back_off_seconds\{integration="[^"]*"\} 0\.0\n', said
    )


def calls(machine: Machine, said: str) -> None:
    assert re.search(r'operation="SyncFolderItems",result="ok"\} [1-9]', said)


def alarms(machine: Machine, said: str) -> None:
    assert "objects" in msgspec.json.decode(said)


def guessed(machine: Machine, said: str) -> None:
    assert '"outcome":"refused","administrator":"admin","address":"127.0.0.1"' in said
    assert "sign-in refused address=127.0.0.1 administrator=admin" in said


def why_it_waits(machine: Machine, said: str) -> None:
    assert f"folder={STATE}/audit: Permission denied" in said


def its_own_again(machine: Machine, said: str) -> None:
    found = machine.run(f"find {STATE} ! -user pexschedd")
    assert found == ""


def examined(machine: Machine, said: str) -> None:
    assert "Head office" in said


def its_load(machine: Machine, said: str) -> None:
    assert "process_cpu_seconds_total " in said
    assert "pexschedd_reactor_delay_seconds_sum " in said
    assert "load average" in said
    assert re.search(r" st\b", said)


def connected(machine: Machine, said: str) -> None:
    assert re.search(r"^ *\d+ 127\.0\.0\.1$", said, re.MULTILINE)


def a_larger_quota(machine: Machine, said: str) -> None:
    (deployment,) = machine.ask("GET", DEPLOYMENTS)["objects"]
    assert deployment["find_items_request_quota"] == 2_000_000


def own_folders(machine: Machine, said: str) -> None:
    assert f"\t{STATE}/journal\n" in said


def listening(machine: Machine, said: str) -> None:
    assert said.startswith("State")


CHECKS: dict[str, Callable[[Machine, str], None]] = {
    "ln -s": installed,
    "cp deploy/systemd": every_unit_is_there,
    "systemctl status pexschedd\n": running,
    "chown root:root": nodes_need_the_password,
    "systemctl start pexschedd-backup": one_copy,
    "install -d -m 0700": copied_elsewhere,
    "cat /var/lib/pexschedd/initial-admin-password": first_password,
    "curl -Ssf -u admin:PASSWORD http://127.0.0.1:8081/api/admin/conf": signed_in,
    "curl -Ssf -u admin:PASSWORD 'http": the_script,
    "pexschedd-password": another_password,
    "certbot renew": renewed,
    "systemctl reload": read_again,
    "pexschedd-check --migrate 1 --dry-run": would_migrate,
    "pexschedd-check --migrate 1\n": migrated,
    "curl -Ssf -u admin:PASSWORD -H": is_migrated_already,
    "pexschedd-check --migrate 1 --to EWS": taken_back,
    "pexschedd-store --config": a_copy,
    "install -m 0600 -o pexschedd": put_back,
    "newest=": sound,
    "systemctl stop pexschedd-addin.socket pexschedd\nmv": restored,
    "systemctl stop": rolled_back,
    "curl -Ssf http://127.0.0.1:8081/metrics | grep ^pexschedd_back": no_pause,
    "curl -Ssf http://127.0.0.1:8081/metrics | grep ^pexschedd_ews": calls,
    "curl -Ssf -u admin:PASSWORD http://127.0.0.1:8081/api/admin/status": alarms,
    "tail -n 50": guessed,
    'journalctl -u pexschedd | grep "audit log': why_it_waits,
    "chown -R pexschedd": its_own_again,
    "curl -Ssf http://127.0.0.1:8080/health\ncurl": looked_at,
    "journalctl -u pexschedd --since": a_bundle,
    "systemctl status pexschedd ||": why_it_is_down,
    "journalctl -u pexschedd |": why_it_was_restarted,
    "pexschedd-check\n": examined,
    "du -x": own_folders,
    "ss": listening,
    "ss -Htn": connected,
    "curl -Ssf http://127.0.0.1:8081/metrics | grep -e ^process": its_load,
    f"{PATCH_OF}{DEPLOYMENTS}": a_larger_quota,
}
"""By beginnings of blocks. Those without a line here have done their work when they end
with status 0, or what comes later would fail without them."""
