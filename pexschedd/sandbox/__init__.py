"""An Exchange server to run against. Shares no code with the product."""
