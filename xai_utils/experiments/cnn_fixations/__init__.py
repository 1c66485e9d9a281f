"""What CNN Fixations is measured by; one room for each table or figure."""
