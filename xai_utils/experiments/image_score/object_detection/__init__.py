"""Section 3.2 and Table 4: a detector that learns from its own boxes, on pictures chosen by their score."""
