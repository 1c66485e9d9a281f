"""The five papers, one module each; none imports another."""
