"""The certificate bootstrapper: an authority of one's own, the serving certificate it signs, where both are kept."""
