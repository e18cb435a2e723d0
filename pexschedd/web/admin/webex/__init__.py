"""Signing profiles of One-Touch Join in at Webex."""
