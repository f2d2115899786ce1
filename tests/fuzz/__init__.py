"""What no one thinks of: random damage, with a law that holds for all of it."""
