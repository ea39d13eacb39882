FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools/node.mjs tools/
RUN npm ci
COPY nest-cli.json rspack.config.mjs tsconfig.json ./
COPY libs libs
COPY services services
COPY demo demo
RUN npx nest build ingress policy approval masking audit topics demo-entra demo-orders


# What the services import. Optional packages are the embedded Postgres and the Node of a development machine.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts


# The same and what the demo's stand-ins import, at the versions of the lock file.
FROM dependencies AS demo-dependencies
COPY tools/compose/demo-package.mjs tools/compose/
RUN node tools/compose/demo-package.mjs \
 && npm install --omit=dev --omit=optional --ignore-scripts


# The stand-ins of the demo. They refuse to start in production.
FROM node:24-bookworm-slim AS demo
ENV NODE_ENV=development
WORKDIR /app
COPY --from=demo-dependencies /app/node_modules node_modules
COPY --from=build /app/dist/demo dist/demo
COPY package.json ./
# Volumes take over owner and mode of the folders they are first mounted on.
RUN install -d -o node -g node -m 0700 /var/lib/countersign-demo \
 && install -d -o node -g node -m 0755 /run/countersign-demo
USER node


# The five services and the job that creates the topics; which of them runs is the command.
FROM node:24-bookworm-slim AS services
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist/services dist/services
COPY package.json ./
USER node
CMD ["node", "--enable-source-maps", "dist/services/ingress/main.js"]
