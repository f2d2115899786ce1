"""`--loop --watch`: events for speed, and lists for truth (docs/design/behavior.md §10)."""
