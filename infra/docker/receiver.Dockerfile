# The receiver: webhooks in, versions out. docker build -f infra/docker/receiver.Dockerfile .
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/schema/package.json packages/schema/
COPY packages/db/package.json packages/db/
COPY packages/storage/package.json packages/storage/
COPY apps/builder/package.json apps/builder/
# Exactly the versions of the lock file. Not `npm ci`, which wants the packages of all rooms; no install script is needed.
RUN npm install --omit=dev --ignore-scripts --include-workspace-root --workspace=@modelport/builder \
  && npm cache clean --force

FROM ${NODE_IMAGE}
ENV NODE_ENV=production RECEIVER_HOST=0.0.0.0 RECEIVER_PORT=8080
WORKDIR /app
COPY --from=packages /app ./
COPY packages/schema packages/schema
COPY packages/db packages/db
COPY packages/storage packages/storage
COPY apps/builder apps/builder
# By number, so that it needs no name in the base: `node` in the official images.
USER 1000:1000
EXPOSE 8080
CMD ["node", "--import", "tsx", "apps/builder/src/receiver.ts"]
