"""Scheduling records, read and changed inside a transaction of the store."""
