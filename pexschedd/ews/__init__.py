"""Exchange Web Services, spoken as a client.

    mailbox.py          the equipment mailbox: what the scheduler sees
    organizers.py       the organizers' calendars, in their names
    item_fetcher.py, responses.py, calendar_access.py   what takes several calls
    client.py           one call: envelope, transport, errors in plain words
    operations/         one module per operation, bytes in and bytes out. Pure
    envelope.py         SOAP and the one XML parser
    http_policy.py      answers without SOAP, and what is done about them. Pure
    error_messages.py   what went wrong -> our errors, for administrators. Pure
    transport/          HTTP: connections, limits, deadlines
    streaming/          notifications of what arrives
    auth/               how a request proves who sends it

`exchange/` has what EWS and Graph have in common. The package knows neither the web
side nor the store.
"""
