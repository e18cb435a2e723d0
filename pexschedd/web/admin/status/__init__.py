"""Status that needs more than the stored records."""
