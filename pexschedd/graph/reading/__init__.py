"""Messages of a mailbox, read by their ids.

message_fetcher.py  in batches, even if some of them cannot be read
message_reader.py   each with all its properties, in parts where that is the only way
"""
