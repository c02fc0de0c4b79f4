# The operator's image: Node and one file. Make the file first, then the image:
#
#   npm install && npm run build && docker build --tag tungsten-operator:0.1.0 .
#
# dist/operator.mjs is the same on every machine, so one build serves all platforms (--platform linux/amd64,linux/arm64).
# BASE is any image with Node 24 on its PATH; the operator needs no shell and no package manager in it.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tungsten-operator" \
      org.opencontainers.image.description="Kubernetes operator for Continuent Tungsten Cluster" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY LICENSE /licenses/LICENSE
COPY dist/operator.mjs /app/operator.mjs

# No name for it in /etc/passwd is needed; nothing is ever written to the root file system.
USER 65532:65532
WORKDIR /app
EXPOSE 8080
# The heap follows the container's memory limit; left alone, Node would stop at a fraction of it.
ENTRYPOINT ["node", "--max-old-space-size-percentage=75", "--max-semi-space-size=2", "/app/operator.mjs"]
