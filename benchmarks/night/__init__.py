"""A whole night under a real executor: what each process and each task of it costs."""
