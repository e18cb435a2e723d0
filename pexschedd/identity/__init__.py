"""Identities of callers: Exchange identity tokens, administrators."""
