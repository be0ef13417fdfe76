"""HTTP for the client: requests are sent, sent again and read, and errors told apart."""
