"""The history of the configuration: who has changed what, from where, and when."""
