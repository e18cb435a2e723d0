"""The lists of rooms, sent to devices through the Webex cloud."""
