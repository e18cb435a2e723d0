"""Accounts and mailboxes, and how messages get from one to another."""
