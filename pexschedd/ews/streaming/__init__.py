"""Notifications from Exchange: streaming subscriptions, and pull subscriptions."""
