"""An image in, its people out: models, views of the image, grouping, streams."""
