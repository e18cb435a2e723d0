"""The add-in's manifest: how it is built, what Outlook demands, and which is in use."""
