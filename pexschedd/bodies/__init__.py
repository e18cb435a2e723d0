"""What a person sees in an invitation: tags found and replaced in it. Pure."""
