"""The records of One-Touch Join: profiles, groups, endpoints, deployments, rules."""
