"""Microsoft Graph, spoken as a client.

    client.py           one request or one batch: token, throttle, errors in plain words
    transport.py        HTTP: connections, limits, deadlines
    requests.py         requests and their paths. Pure
    batch.py            many requests in one. Pure
    problems.py         refusals of requests, as Graph words them. Pure
    error_policy.py     what can go wrong, and what is done about it. Pure
    answers.py          answering a batch of messages, each once
    answer_steps.py     what one answer needs next. Pure, with answer_lookup.py,
                        answer_mails.py and removal_steps.py
    batched_steps.py    things that need several requests each, in batches
    reply_mail.py       a mail of our own that answers a message. Pure
    removal.py          deleting old items
    mailbox_profile.py  what has been found out about a mailbox. Pure
    error_messages.py   what went wrong -> our errors, for administrators. Pure

`exchange/` has what EWS and Graph have in common. The package knows neither the web
side nor the store.
"""
