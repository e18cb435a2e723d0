"""The equipment mailbox: messages read, decided about, committed and answered.

Begin with `watcher`; `worker` and `supervisor` run one for each integration.
"""
