"""The verdict: every method of the five papers and every baseline, on the same scenes, against what is true of them."""
