"""JSON files with atomic writes: documents, a journal, sealed secrets."""
