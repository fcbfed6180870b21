"""Which files a path stands for, what kind each is, and what may be opened."""
