"""PURE: what the probes have seen, judged: a function for each check.

They take the case and an observation, and give a finding with cause and remedy.
"""
