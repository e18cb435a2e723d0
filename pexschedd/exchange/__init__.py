"""Exchange, as both of its interfaces show it: EWS and Microsoft Graph.

error_policy.py     what can go wrong, and what is done about it. Pure
response_codes.py   the categories of Exchange's error codes. Pure
throttle.py         when a mailbox may be asked again, and how much at once
batches.py          many things in a few calls, several of them at once
global_ids.py       what one meeting is called in every mailbox. Pure
zones.py            the IANA zones that Exchange's definitions mean. Pure
token_source.py     where access tokens come from
"""
