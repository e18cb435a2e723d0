"""Traces of messages, for OpenTelemetry's collectors."""
