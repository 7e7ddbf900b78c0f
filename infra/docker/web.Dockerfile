# The site and the public API. docker build -f infra/docker/web.Dockerfile .
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/schema/package.json packages/schema/
COPY packages/db/package.json packages/db/
COPY packages/storage/package.json packages/storage/
COPY apps/web/package.json apps/web/
RUN npm install --omit=dev --ignore-scripts --workspace=@modelport/web && npm cache clean --force

FROM packages AS build
RUN npm install --ignore-scripts --workspace=@modelport/web
COPY tsconfig.base.json ./
COPY packages/schema packages/schema
COPY packages/db packages/db
COPY packages/storage packages/storage
COPY apps/web apps/web
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1
RUN cd apps/web && node ../../node_modules/next/dist/bin/next build && rm -rf .next/cache

FROM ${NODE_IMAGE}
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1
WORKDIR /app
COPY --from=packages /app ./
COPY tsconfig.base.json ./
COPY apps/web/next.config.ts apps/web/tsconfig.json apps/web/
# Next keeps what it rendered beside its build.
COPY --from=build --chown=1000:1000 /app/apps/web/.next apps/web/.next
USER 1000:1000
EXPOSE 3000 3050
CMD ["node", "node_modules/next/dist/bin/next", "start", "apps/web", "-p", "3000", "-H", "0.0.0.0"]
