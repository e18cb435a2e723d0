"""The text that the terminal shows when the demo is ready."""

from pexschedd.demo.ports import Ports


def banner(ports: Ports, password: str) -> str:
    """Return the text, with the addresses and the administrator's password."""
    return f"""
  The demo desk is ready.

    Open      {ports.desk_url}/

    Daemon    {ports.addin_url}   add-in, policy
              {ports.admin_url}/admin/   administrator's page, over the
              management API; sign in as "admin", password "{password}"
    Signs     {ports.rooms_url}/display/   at the rooms' doors; the desk has links
    Exchange  {ports.desk_url}/EWS/Exchange.asmx   sandbox

  Ctrl-C stops it. Everything is kept for the next time.
"""
