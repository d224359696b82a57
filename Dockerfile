# The service, as an unprivileged user without a shell of its own; git is needed at run time.
#
# Pin the base image to what you have tested, with its digest:
#   docker buildx imagetools inspect python:3.11-slim-bookworm --format '{{.Manifest.Digest}}'
#   docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:... .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY requirements.lock requirements-dev.lock pyproject.toml README.md LICENSE app.yaml ./
COPY bot bot
COPY planners planners
COPY plugins plugins
COPY renderers renderers
RUN python -m venv /opt/building \
 && /opt/building/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.lock \
 && /opt/building/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
 && python -m venv /opt/switchyard \
 && /opt/switchyard/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/switchyard/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/switchyard \
      --shell /usr/sbin/nologin switchyard \
 && install -d -o 10001 -g root -m 0770 /var/lib/switchyard
COPY --from=build /opt/switchyard /opt/switchyard
# With an arena for each thread, and with thresholds that grow, glibc keeps what large plans have freed.
ENV PATH=/opt/switchyard/bin:$PATH \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=4194304 \
    MALLOC_TRIM_THRESHOLD_=16777216 \
    PYTHONDONTWRITEBYTECODE=1 \
    SWITCHYARD_DATA_DIR=/var/lib/switchyard \
    SWITCHYARD_HOST=0.0.0.0
WORKDIR /var/lib/switchyard
USER 10001
VOLUME /var/lib/switchyard
EXPOSE 7080
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["switchyard", "health"]
ENTRYPOINT ["switchyard"]
CMD ["serve"]
