"""Builds and joins the parts of the daemon, together with `tap.py`.

runtime         the store, the clock, threads and what else nearly every part needs
network         trust, proxy and own certificates, from configuration and store
authentication  sign-in to Exchange, from an integration's settings
connections     connections with an integration's Exchange server
clients         everything that reaches other machines
watchers        the workers at the equipment mailboxes
http_servers    everything that other machines reach
upkeep          janitor, audits and the control socket
monitoring      the values for health checks and metrics
"""
