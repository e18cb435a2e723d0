"""Routes for whole configurations: in and out, as JSON, as CSV, and as a backup."""
