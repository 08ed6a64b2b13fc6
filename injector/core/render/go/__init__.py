"""Go's text/template as a second template language: its text becomes the tree that Jinja templates become."""
