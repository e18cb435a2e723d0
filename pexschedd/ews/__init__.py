"""Exchange Web Services: messages as pure pairs of build and parse, one transport."""
