"""Thin HTTP routes: parse, call one use case, serialise."""
