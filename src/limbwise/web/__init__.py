"""The door to the network: a server of people in images, videos and live streams, and its page. Needs the extra `serve`."""
