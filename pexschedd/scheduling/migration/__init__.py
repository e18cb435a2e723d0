"""Moving an integration from one interface of its mailbox to the other."""
