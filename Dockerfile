# The service, as an unprivileged user; git is needed at run time.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-dev.lock pyproject.toml README.md LICENSE ./
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

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home switchyard \
 && install -d -o switchyard /var/lib/switchyard
COPY --from=build /opt/switchyard /opt/switchyard
USER 10001
ENV PATH=/opt/switchyard/bin:$PATH SWITCHYARD_DATA_DIR=/var/lib/switchyard SWITCHYARD_HOST=0.0.0.0
VOLUME /var/lib/switchyard
EXPOSE 7080
ENTRYPOINT ["switchyard"]
CMD ["serve"]
