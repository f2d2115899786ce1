"""The output formats, one file for each. They print a Report, and decide or count nothing."""
