# A server of people in images, videos and live streams, on the CPU:
#   docker build -t limbwise . && docker run -p 8000:8000 -e LIMBWISE_API_KEY=... limbwise
FROM python:3.11-slim

# The image library needs nothing of the system: the wheels bring what they use.
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 LIMBWISE_HOME=/home/limbwise/data NUMBA_CACHE_DIR=/home/limbwise/numba
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN pip install '/src[serve]' && rm -rf /src && useradd --create-home --uid 10001 limbwise

USER limbwise
WORKDIR /home/limbwise
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["limbwise", "serve", "--host", "0.0.0.0"]
