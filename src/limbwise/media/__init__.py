"""Where pixels come from and go to: image files, videos, cameras, and the arguments that name them."""
