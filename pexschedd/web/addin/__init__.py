"""The add-in's side: the pane, the manifest, the icons, meeting details."""
