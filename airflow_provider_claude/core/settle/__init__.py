"""What to do with items without a valid answer."""
