"""One-Touch Join's pure heart: an invitation goes in, what a room dials comes out."""
