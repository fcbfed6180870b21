"""What in a text is personal or secret: one file a kind, each a columnar prefilter before a library's check."""
