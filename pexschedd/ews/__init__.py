"""Exchange Web Services, spoken as a client.

    mailbox.py      the equipment mailbox: what the scheduler sees
    organizers.py   the organizers' calendars, in their names
    reading.py, answering.py, keeping.py    what takes several calls
    batches.py      many things in a few calls, several of them at once
    client.py       one call: envelope, transport, errors in plain words
    operations/     PURE: one module per operation, bytes in and bytes out
    envelope.py     PURE: SOAP and the one XML parser
    faults.py       PURE: what went wrong -> our errors, for administrators
    transport.py    HTTP: connections, limits, deadlines
    auth/           how a request proves who sends it
    tls.py          whom we believe to be the server

The package knows neither the web side nor the store.
"""
