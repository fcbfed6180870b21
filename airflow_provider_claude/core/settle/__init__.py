"""What becomes of items without a valid answer."""
