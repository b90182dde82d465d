# docker build -t agent-channels . && docker run -p 127.0.0.1:3000:3000 -v agent-data:/data -e AUTH_OPEN=1 agent-channels
# A drain takes up to DRAIN_MS (20 s), longer than Docker waits by default: docker stop --time 25

FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY client client
COPY server server
COPY channels channels
RUN npm run build

FROM node:24-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --omit=dev && npm cache clean --force
COPY --from=build /app/dist dist
RUN install --directory --owner=node --group=node --mode=700 /data
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "const { PORT: port, TLS_CERT: cert } = process.env; require(cert ? 'https' : 'http').get({ host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# Node itself, not npm: it has to see SIGTERM.
CMD ["node", "--enable-source-maps", "dist/server/main.js"]
