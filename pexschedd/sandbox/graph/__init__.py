"""Microsoft Graph: a second door to the sandbox's mailboxes, for applications.

- `signin`         applications, their grants, and the token endpoint
- `odata`          requests, query options, filters, and preferences
- `entities`       messages, events and what belongs to them as JSON
- `calls`          the resources and actions, one function each
- `notifications`  subscriptions and the delivery of change notifications
- `attendant`      the calendar attendant of Exchange Online, late and selective
- `service`        `GraphService`: requests carried out without HTTP
- `web`            the HTTP side, and the controls
"""
