"""Guards of changes: against overwriting what somebody else has changed, against
making the same thing twice, and against deleting more than was meant."""
