"""What makes a run quick, checked without a clock: counts, sizes, and laws behind short cuts."""
