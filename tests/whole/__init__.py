"""Tests on a whole cluster of one node, where pods really run: image, chart, Bookinfo, and what befalls them."""
