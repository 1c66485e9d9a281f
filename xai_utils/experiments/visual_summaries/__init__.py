"""Everything that chapter four measures."""
