"""What the site lists of the code is made from the code, so that it is written once. `site` is the Sphinx extension."""
