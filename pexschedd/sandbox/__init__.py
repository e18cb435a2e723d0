"""A sandbox Exchange: a server to try the product with and to test it against.

It shares no code with the product, so that a misreading of the protocol on one side
is not hidden by the same misreading on the other. Everything is in memory.

The parts, from the inside out:

- `items`          records of items, ids, bodies, series and their occurrences
- `mailboxes`      accounts and mailboxes, the transport of messages, and `Exchange`:
  the actions of organizers and attendees
- `properties`     the properties of items as XML, restrictions, response shapes
- `notifications`  subscriptions, events and streams
- `faults`         faults on demand and at random, and throttling
- `signin`         how clients sign in
- `operations`     the operations of Exchange Web Services
- `graph`          Microsoft Graph: a second door to the same mailboxes
- `service`        `EwsService`: requests carried out without HTTP
- `web`            the EWS endpoint, the control API, faults of the transport
- `server`         `Sandbox`: the service with its HTTP side, ready to be mounted

Used from Python, without HTTP::

    exchange = Exchange(default_accounts(), now=system_now)
    alice = exchange.mailbox("alice@example.test")

    meeting = exchange.schedule(            # -> Item, in the organizer's calendar
        alice, subject="Weekly", start=start, end=end,      # aware datetimes
        required=["bob@example.test"],      # addresses, or MailboxUser(name, address)
        optional=[], resources=["pexipmeeting@example.test"],
        body="<p>Agenda</p>", location="Room 1", zone="W. Europe Standard Time",
        all_day=False, by="bob@example.test",    # a delegate sends it for Alice
    )                                       # send=False tells no attendee
    exchange.update(meeting, subject="Weekly!", body="<p>…</p>")   # tells all attendees
    exchange.update(meeting, required=[], send=Send.CHANGED)  # or Send.ALL, Send.NONE
    exchange.cancel(meeting, text="<p>Sorry</p>")   # -> None; tells all attendees
    exchange.respond(request, MeetingAnswer.ACCEPT, text="<p>Gladly</p>")
    exchange.send_message(alice, to=["bob@example.test"], subject="Hi", body="<p>…</p>")
    exchange.remove(cancellation)           # RemoveItem: out of the calendar with it
    exchange.take_away(item)                # delete without telling anybody

    tuesdays = SeriesRecurrence.weekly("Tuesday")
    series = exchange.schedule(alice, ..., recurrence=tuesdays)
                    # .daily, .weekly, .monthly, .monthly_on, .yearly, .yearly_on;
                    # interval=…; count=… or until=date or neither; start=date
    exchange.occurrences(series, low, high)  # -> list[Item], those that take place then
    exchange.occurrence(series, original_start)     # -> Item, or EwsError
    exchange.update(series, occurrence=original_start, start=…, body=…)  # that one
    exchange.update(series, occurrence=original_start, required=[…, "new@example.test"])
    exchange.cancel(series, occurrence=original_start)
    exchange.update(series, recurrence=SeriesRecurrence.weekly("Tuesday", until=…))
    exchange.update(meeting, recurrence=None)       # a single meeting again

    internet_mail.receive(exchange, "pexipmeeting@example.test", ics)   # by SMTP, from
                                                    # outside: REQUEST, CANCEL, COUNTER
    exchange.forward(request, bob, to=["pexipmeeting@example.test"])
    exchange.hold("pexipmeeting@example.test")      # its mail is held back
    exchange.release("pexipmeeting@example.test", order=(1, 0, 0))  # or as it was sent
    exchange.deliver_again(message)                 # another copy of the same
    with exchange.on_the_way(alterations.signed):   # encrypted, rights_managed,
        exchange.schedule(...)                      # plain_text, without_body, or any
                                                    # function that changes an Item

    alice.calendar()       # -> list[Item], by start
    alice.inbox()          # -> list[Item], newest first: requests, responses, mail
    alice.items("deleteditems")     # any folder by its distinguished name
    alice.get(item_id)     # -> Item | None
    alice.mark_read(item)

    item.meeting.start, item.meeting.attendees[0].response, item.body.html, …

    stop = exchange.on_change(callback)     # callback() after each change, often many
                                            # in a row: set a flag, do the work later
    data = exchange.snapshot()              # bytes
    exchange = Exchange.restore(data, now=system_now)

The server side::

    sandbox = Sandbox(now=…, clock=reactor, exchange=exchange)    # or accounts=[…]
    root = sandbox.resource()               # IResource: putChild() more onto it
    reactor.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    sandbox.identity_token("alice@example.test", audience, base_url, lifetime=28800)
    sandbox.behaviour.configure({"latency_ms": 5, "faults": [...]}); sandbox.calls

    sandbox = Sandbox(now=…, clock=…, sign_in=SignIn(methods=("NTLM",)), bearer=verify)
    sandbox.tokens.register("opaque", mailbox="alice@example.test", expires_in=3600)
    sandbox.subscriptions.limits = SubscriptionLimits(heartbeat_s=5, affinity=True)
    for stream in sandbox.streams():
        stream.misbehave("abort")           # one of streaming.ACTIONS
    sandbox.subscriptions.forget()          # as a restart of the server does
    sandbox.move_mailbox("pexipmeeting@example.test", seconds=60)

Over Graph, for applications::

    sandbox.graph.applications.add(GraphApplication(client_id=…, tenant=…, secret=…))
    sandbox.graph.settings = GraphSettings(attendant_delay_s=2)

`Item` records change in place, and their `id` changes when they move to another
folder, exactly as ids do in Exchange. `Meeting`, `Attendee` and `Body` are immutable.
The item of an occurrence is made on request; its meeting's `recurrence_id` is its start
by the pattern of the series, its `type` says whether it was changed.
"""

from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication, MailboxGrant
from pexschedd.sandbox.items.records import (
    Attendee,
    Body,
    CalendarType,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    MeetingAnswer,
    ResponseType,
    Role,
    Send,
)
from pexschedd.sandbox.items.recurrence import Pattern, SeriesRecurrence
from pexschedd.sandbox.mailboxes import alterations, internet_mail
from pexschedd.sandbox.mailboxes.accounts import (
    Account,
    CalendarProcessing,
    Processing,
    default_accounts,
)
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.notifications.subscriptions import (
    SubscriptionLimits,
)
from pexschedd.sandbox.server import Sandbox
from pexschedd.sandbox.signin.server_certificate import ServerCertificate
from pexschedd.sandbox.signin.settings import SignIn

__all__ = [
    "Account",
    "Attendee",
    "Body",
    "CalendarProcessing",
    "CalendarType",
    "Exchange",
    "GraphApplication",
    "GraphSettings",
    "Item",
    "ItemKind",
    "MailboxGrant",
    "MailboxUser",
    "Meeting",
    "MeetingAnswer",
    "Pattern",
    "Processing",
    "ResponseType",
    "Role",
    "Sandbox",
    "SandboxMailbox",
    "Send",
    "SeriesRecurrence",
    "ServerCertificate",
    "SignIn",
    "SubscriptionLimits",
    "alterations",
    "default_accounts",
    "internet_mail",
]
