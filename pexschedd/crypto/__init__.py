"""Certificates and password hashes: pure, but partly slow."""
