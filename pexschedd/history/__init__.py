"""The history of the configuration: who has changed what, from where, and when;
and the audit log, which is a copy of that, and has sign-ins besides."""
