"""Microsoft Graph, spoken as a client.

    mailbox.py          the equipment mailbox
    arrivals.py         what has arrived or was hidden
    folder_changes.py   pages of it, and the position. Pure
    message_fetcher.py  messages by their ids, even if some cannot be read
    keeping.py          the calendar, and old items
    folders.py          the folders that concern us, and the owner's stamp
    client.py           one request or one batch: token, throttle, errors in plain words
    transport.py        HTTP: connections, limits, deadlines
    requests.py         requests and their paths. Pure
    batch.py            many requests in one. Pure
    problems.py         refusals of requests, as Graph words them. Pure
    error_policy.py     what can go wrong, and what is done about it. Pure
    answers.py          answering a batch of messages, each once
    answering/          what one answer needs, step by step, and mails of our own
    removal.py          deleting old items
    mailbox_profile.py  what has been found out about a mailbox. Pure
    error_messages.py   what went wrong -> our errors, for administrators. Pure

`exchange/` has what EWS and Graph have in common. The package knows neither the web
side nor the store.
"""
