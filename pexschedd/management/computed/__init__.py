"""Status resources whose records are worked out when they are asked for, not kept."""
