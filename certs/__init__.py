"""The certificate bootstrapper."""
