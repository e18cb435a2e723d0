"""What Outlook loads: the pane, the manifest, the icons, meeting details."""
