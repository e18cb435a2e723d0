"""Upgrades, from each state that the program has ever had."""
