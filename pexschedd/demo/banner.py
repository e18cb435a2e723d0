"""What the terminal shows when the demo is up."""

from pexschedd.demo.ports import Ports


def banner(ports: Ports, password: str) -> str:
    return f"""
  The demo desk is ready.

    Open      {ports.desk_url}/

    Daemon    {ports.addin_url}   add-in, policy
              {ports.admin_url}   management API
              administrator "admin", password "{password}"
    Exchange  {ports.desk_url}/EWS/Exchange.asmx   sandbox

  Ctrl-C stops it. Everything is kept for the next time.
"""
