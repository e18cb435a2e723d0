"""The properties of items: their values, their XML, and searching by them."""
