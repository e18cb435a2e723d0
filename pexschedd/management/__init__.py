"""The administrator's use cases: queries, validation, change sets, cascades. No HTTP.

`web/admin/` offers them over HTTP.
"""
