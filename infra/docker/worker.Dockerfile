# The worker: takes builds from the queue and has the engine make images. docker build -f infra/docker/worker.Dockerfile .
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/schema/package.json packages/schema/
COPY packages/db/package.json packages/db/
COPY packages/storage/package.json packages/storage/
COPY apps/builder/package.json apps/builder/
RUN npm install --omit=dev --ignore-scripts --include-workspace-root --workspace=@modelport/builder \
  && npm cache clean --force

FROM ${NODE_IMAGE}
# Base images are made from Debian packages by mmdebstrap, and the SDK's wheels by Python. The mirror of the bases is the
# one of this image's apt: another goes into /etc/apt/sources.list.d.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates debian-archive-keyring mmdebstrap python3 \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production WORKER_PORT=8081 MODELPORT_HOME=/var/lib/modelport
WORKDIR /app
COPY --from=packages /app ./
COPY packages/schema packages/schema
COPY packages/db packages/db
COPY packages/storage packages/storage
COPY packages/sdk-python packages/sdk-python
COPY infra/bases infra/bases
COPY apps/builder apps/builder
# Root: mmdebstrap unpacks packages with their owners, and whoever may use the engine's socket is root on the host anyway.
VOLUME /var/lib/modelport
CMD ["node", "--import", "tsx", "apps/builder/src/worker.ts"]
