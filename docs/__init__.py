"""The documentation site: pages in Markdown, and in `ext` what is made from the code."""
