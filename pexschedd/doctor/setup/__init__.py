"""PURE: the PowerShell script that sets Exchange up for one integration.

Every value of the integration stands in one place, at the script's top, as a
single-quoted string; everything below uses variables. So there is one place where
quoting matters, and the administrator sees at once what is about to be done.
"""
