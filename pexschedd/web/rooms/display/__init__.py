"""The page that a door sign, or a screen in the room, shows in any browser."""
