"""Recipes, and the arithmetic that turns weights into tokens."""
