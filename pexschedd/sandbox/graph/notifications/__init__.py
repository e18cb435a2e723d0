"""Subscriptions, and the delivery of change notifications."""
