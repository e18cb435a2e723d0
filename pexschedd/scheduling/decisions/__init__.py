"""The decision about one meeting message. Pure.

Begin with `decide`. It takes a message, the known meetings and the time, and returns a
`Decision`: records to write and an answer to give.
"""
