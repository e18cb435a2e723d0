"""Lists of very many records: what is remembered of them so that they are quick."""
