"""HTTP to an Exchange server: connections, SOAP envelopes, one call at a time."""
