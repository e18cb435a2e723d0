"""PURE: what one meeting message leads to.

Begin with `decide`: message, knowledge and time in; a `Decision` (records to write, an
answer to give) out.
"""
