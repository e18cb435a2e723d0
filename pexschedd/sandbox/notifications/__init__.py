"""Subscriptions to changes in mailboxes, and the events that they deliver."""
