"""Each option once: its names, its variable in the environment, its help, and how it is parsed.

README.md's table of options is made from these.
"""
