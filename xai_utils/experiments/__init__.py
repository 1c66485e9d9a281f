"""One function for every table and figure that needs more than a cell; their results lie in `data/results`."""
