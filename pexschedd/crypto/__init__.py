"""Certificates and password hashes. PURE but for being slow."""
