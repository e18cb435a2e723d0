"""The administrator's page: its files, and the addresses that lead to it."""
