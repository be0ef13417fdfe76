"""HTTP for the client: sends and retries requests, reads responses, and classifies errors."""
