"""Ports: what a mailbox, its notifications and organizers' calendars have to offer.

`ews/` implements these protocols; one contract suite holds each implementation to them.
"""
