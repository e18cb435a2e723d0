"""The administrator's jinja2 templates: checked, bounded, filled in. Pure."""
