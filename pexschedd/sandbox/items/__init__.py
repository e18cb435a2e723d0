"""Items of mailboxes: records, ids, bodies, and series of meetings."""
