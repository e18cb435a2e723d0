"""Conferencing services as data: how their invitations look, and what rooms dial."""
