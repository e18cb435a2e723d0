"""The resources and actions of Graph, one function each."""
