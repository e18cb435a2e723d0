"""The equipment mailbox: messages read, decided about, committed and answered.

Begin with `watcher`, then `reader`, `batch_processor` and `sender`, which it calls in
this order. `worker` and `supervisor` run one watcher for each integration.
"""
