"""The doctor: looks at one integration from this machine, and names what is wrong.

Each check is a row of the table in `checks.py`: a probe that looks (`probes_*`), and a
pure function that judges what was seen (`diagnose_*`), with the checks that must have
gone well before. Nothing that is looked at is changed, and no secret is told.
"""
