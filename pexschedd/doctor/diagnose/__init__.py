"""PURE: the judgement of the probes' observations, with a function for each check.

Each takes the case and an observation, and returns a finding with cause and remedy.
"""
