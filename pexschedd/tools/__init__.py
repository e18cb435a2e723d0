"""The administrator's two tools, `schedulingrecovery` and `schedulingmaintenance`.

A tool hands its order to the running daemon, over a socket in the state folder, and
shows what the daemon says; so there is only ever one process that changes the state.
If no daemon is running, the tool does the same work itself, on the state folder.
"""
