"""Graph's entities: JSON documents, read as meetings and messages. Pure."""
