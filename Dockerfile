# The injector as server and as command, and as the init container that redirects a pod's traffic (`injector capture`).
# docker build -t sidecar-injector:0.1.0 --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
# What is locked changes rarely, so it is a layer of its own; each file is held against its hash.
COPY requirements.lock ./
RUN pip download --quiet --require-hashes --no-deps --dest /verified --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY templates ./templates
COPY samples ./samples
COPY certs ./certs
COPY injector ./injector
# From here on nothing is fetched. The lock file holds what builds the wheel too: only what runs is installed.
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS="/verified /wheels"
RUN pip wheel --quiet --no-deps --wheel-dir /wheels .
RUN python -m venv --without-pip /opt/injector && \
    pip --python /opt/injector/bin/python install --quiet sidecar-injector
# The Kubernetes client is 126 MB, of which less than one is ever imported.
COPY tools/prune_client.py /
RUN /opt/injector/bin/python /prune_client.py

FROM ${BASE}
# Only `injector capture apply` needs these, as an init container with NET_ADMIN; the server runs without them.
RUN apt-get update && \
    apt-get install --yes --no-install-recommends iproute2 iptables nftables && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt
COPY --from=build /opt/injector /opt/injector
ENV PATH=/opt/injector/bin:$PATH PYTHONUNBUFFERED=1
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sidecar-injector" \
      org.opencontainers.image.description="A Kubernetes mutating admission webhook that injects sidecars, and says why" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /tmp
USER 65532:65532
EXPOSE 15017
# No HEALTHCHECK: Kubernetes asks /healthz and /readyz itself, and the command has other uses than serving.
ENTRYPOINT ["injector"]
