"""Tests of the client of Microsoft Graph."""
