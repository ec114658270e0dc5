# One image for all processes: `api`, `workers` or `gateway` as the argument. There is no build step for them: Node.js runs the TypeScript.
# Only the console is built: what browsers run.

# What makes disks of image layers. The version is that of its go.mod.
FROM golang:1.25 AS layerdisk
WORKDIR /src
COPY registry/layerdisk/go.mod registry/layerdisk/go.sum ./
RUN go mod download
COPY registry/layerdisk ./
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/layerdisk .

# What uploads them.
FROM golang:1.25 AS mover
WORKDIR /src
COPY vsphere/mover ./
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/mover .

# The operators' page.
FROM node:24-slim AS console
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --include=dev --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build-console scripts/build-console
COPY console ./console
RUN PATH=/src/node_modules/.bin:$PATH sh scripts/build-console

FROM node:24-slim

ENV NODE_ENV=production
WORKDIR /app

# The base image has its Node.js 24, so the one among the packages goes.
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/.bin/node \
  && npm cache clean --force

COPY . .
COPY --from=layerdisk /out/layerdisk bin/layerdisk
COPY --from=mover /out/mover bin/mover
COPY --from=console /src/console/dist console/dist

# A volume that is mounted here takes the owner over.
RUN install -d -o node -g node /var/lib/stowage/spool
RUN install -d -o node -g node /var/lib/stowage/gateway

RUN ln -s /app/bin/stowage /usr/local/bin/stowage

USER node
# The Docker Engine API stays on the container's own 127.0.0.1:2375, where nobody else comes, until it has TLS: then set
# STOWAGE_DOCKER_LISTEN to 0.0.0.0:2376.
ENV STOWAGE_REST_LISTEN=0.0.0.0:8080 \
    STOWAGE_WORKER_LISTEN=0.0.0.0:9464 \
    STOWAGE_SPOOL_DIR=/var/lib/stowage/spool \
    STOWAGE_GATEWAY_LISTEN=0.0.0.0:2378 \
    STOWAGE_GATEWAY_FACE_LISTEN=0.0.0.0:2379 \
    STOWAGE_GATEWAY_DIR=/var/lib/stowage/gateway
EXPOSE 8080 2376 2378 2379 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["node", "deploy/healthcheck.mjs"]
ENTRYPOINT ["sh", "deploy/run"]
CMD ["api"]
