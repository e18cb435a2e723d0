"""Tests of trials in a tenant."""
