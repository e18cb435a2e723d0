"""HTTP to an Exchange server: accounts, connections, and exchanges over them."""
