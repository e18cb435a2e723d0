"""Examines a deployment of One-Touch Join: its server, its account, its rooms."""
