"""Laws: what holds in every world that Hypothesis can think of, one a file."""
