"""The lists of rooms, brought to the endpoints that cannot ask for them."""
