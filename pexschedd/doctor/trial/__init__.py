"""A trial in a real tenant: a script that makes a meeting over Microsoft Graph, watches
what becomes of it, and answers what no document of Microsoft's settles.

`questions` has the table, `tenant_trial` the script.
"""
