"""The view of a running daemon that its operators are given."""
