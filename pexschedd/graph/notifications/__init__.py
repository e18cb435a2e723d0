"""Notifications from Microsoft Graph: subscriptions, and what is posted about them."""
