"""The sandbox speaks Graph."""
