"""Exchange Web Services, spoken as a client.

    mailbox.py          the equipment mailbox: what the scheduler sees
    organizers.py       the organizers' calendars, in their names
    item_fetcher.py, responses.py, calendar_access.py   what takes several calls
    batches.py          many things in a few calls, several of them at once
    client.py           one call: envelope, transport, errors in plain words
    throttle.py         when a mailbox may be asked again, and how much at once
    operations/         one module per operation, bytes in and bytes out. Pure
    envelope.py         SOAP and the one XML parser
    error_policy.py     what can go wrong, and what is done about it. Pure
    error_messages.py   what went wrong -> our errors, for administrators. Pure
    transport/          HTTP: connections, limits, deadlines
    streaming/          notifications of what arrives
    auth/               how a request proves who sends it

The package knows neither the web side nor the store.
"""
