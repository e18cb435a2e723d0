"""The journal: an append-only log of JSON lines in segments, and its compaction."""
