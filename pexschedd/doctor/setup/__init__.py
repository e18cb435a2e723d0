"""The PowerShell script that sets Exchange up for one integration. Pure.

Every value of the integration is assigned to a variable at the top of the script, as a
single-quoted string, and the rest of the script uses the variables. So quoting matters
in one place only, and the administrator sees the values at once.
"""
