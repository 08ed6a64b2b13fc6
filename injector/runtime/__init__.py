"""What `injector serve` puts together: options, configuration, certificates, the cluster, the preview, the server."""
