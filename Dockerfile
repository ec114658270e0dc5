# One image for both processes: `api` or `workers` as the argument. There is no build step: Node.js runs the TypeScript.
FROM node:24-slim

ENV NODE_ENV=production
WORKDIR /app

# The base image has its Node.js 24, so the one among the packages goes.
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/.bin/node \
  && npm cache clean --force

COPY . .

USER node
ENV STOWAGE_REST_LISTEN=0.0.0.0:8080 \
    STOWAGE_WORKER_LISTEN=0.0.0.0:9464
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["node", "deploy/healthcheck.mjs"]
ENTRYPOINT ["sh", "deploy/run"]
CMD ["api"]
