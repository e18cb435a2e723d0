"""Autodiscover: the EWS URL of a mailbox."""
