"""The HTTP side: the EWS endpoint, the control API, and faults of the transport."""
