"""PURE: the decision about one meeting message.

Begin with `decide`. It takes a message, the known meetings and the time, and returns a
`Decision`: records to write and an answer to give.
"""
