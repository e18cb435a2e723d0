"""The judgement of the probes' observations, with a function for each check. Pure.

Each takes the case and an observation, and returns a finding with cause and remedy.
"""
