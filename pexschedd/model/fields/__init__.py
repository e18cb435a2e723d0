"""Fields of records, declared once: types, limits, defaults and texts."""
