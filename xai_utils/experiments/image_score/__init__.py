"""Image Score: what its figures and tables need, and what its authors could not measure."""
