"""Bodies of invitations as a person sees them: tags found and replaced. Pure."""
