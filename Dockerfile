# docker build -t headwater .
#
# A server that others can reach refuses to start without a key. Make one first, in the same volume:
#   docker run --rm -v headwater:/data headwater keys create --database /data/headwater.db
#   docker run -d -p 8080:8080 -v headwater:/data headwater

FROM python:3.12-slim AS build
WORKDIR /build
RUN python -m venv /opt/headwater
COPY requirements.lock .
RUN /opt/headwater/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY src src
RUN /opt/headwater/bin/pip wheel --no-cache-dir --no-deps --wheel-dir dist . \
    && /opt/headwater/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /data headwater \
    && install -d -o headwater -g headwater -m 0700 /data
COPY --from=build /opt/headwater /opt/headwater
ENV PATH=/opt/headwater/bin:$PATH PYTHONUNBUFFERED=1
USER headwater
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["headwater"]
CMD ["serve", "--host", "0.0.0.0", "--database", "/data/headwater.db"]
