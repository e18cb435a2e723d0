"""Hint files and the keydir: where in the journal each record's last line is."""
