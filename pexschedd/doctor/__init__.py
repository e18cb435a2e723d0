"""Examines one integration from this machine and reports what is wrong with it.

Each check is a row of the table in `checks.py`: a probe that observes something
(`probes.py`), a pure function that judges the observation (`diagnose/`), and the checks
that must have passed before. An examination changes nothing and reveals no secret.
"""
