"""The doctor: looks at one integration from this machine, and names what is wrong.

Each check is a row of the table in `checks.py`: a probe that looks (`probes.py`), and a
pure function that judges what was seen (`diagnose/`), with the checks that must have
gone well before. Nothing that is looked at is changed, and no secret is told.
"""
