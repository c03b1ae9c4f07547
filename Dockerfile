# The images of Cronwright's programs: targets operator, api and runner, alike but for what each of them needs.
#
#   docker build --target operator -t cronwright/operator .
#
# BASE_IMAGE has Python 3.11 or newer as `python3`, and nothing that a program doesn't need; BUILD_IMAGE is the same with
# pip. Nothing here is BuildKit's alone. Settings of the package index come as build arguments; they are used in the
# build stages only, of which no image keeps anything but files.
ARG BASE_IMAGE=python:3.13-slim-bookworm
ARG BUILD_IMAGE=${BASE_IMAGE}

# ---- What needs pip. One environment per program, from its hashed requirements; none of them holds pip itself.
FROM ${BUILD_IMAGE} AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_COMPILE=1 PIP_TIMEOUT=180
WORKDIR /build
# Bytecode is compiled here, unchecked: a program's start neither compiles nor looks at the sources' times.
RUN printf '%s\n' '#!/bin/sh' 'set -e' \
      'python3 -m venv --without-pip /opt/cronwright' \
      'python3 -m pip --python /opt/cronwright/bin/python install --no-deps "$@"' \
      'find /opt/cronwright/lib -depth -type d -name tests -exec rm -rf {} +' \
      'python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/cronwright/lib' \
      > /usr/local/bin/environment && chmod +x /usr/local/bin/environment

FROM build AS operator-libraries
COPY requirements/operator.txt .
RUN environment --require-hashes -r operator.txt

FROM build AS api-libraries
COPY requirements/api.txt .
RUN environment --require-hashes -r api.txt

FROM build AS runner-libraries
COPY requirements/runner.txt .
RUN environment --require-hashes -r runner.txt

# ---- The wheel, and of it for each program: core, its own room and its own command.
FROM build AS programs
COPY requirements/build.txt .
RUN python3 -m venv --without-pip /opt/build \
 && python3 -m pip --python /opt/build/bin/python install --require-hashes -r build.txt
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY operator operator
COPY runner runner
COPY api api
COPY cli cli
RUN python3 -m pip --python /opt/build/bin/python wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && environment /wheels/*.whl \
 && for program in operator api runner; do \
      mkdir -p /programs/$program/bin; \
      cp -a /opt/cronwright/lib /programs/$program/; \
      cp -a /opt/cronwright/bin/cronwright-$program /programs/$program/bin/; \
      for other in operator api runner cli; do \
        [ $other = $program ] || rm -rf /programs/$program/lib/python3*/site-packages/cronwright_$other; \
      done; \
    done \
 && cp -a /opt/cronwright/bin/cronwright-ticker /programs/runner/bin/

# ---- What all images have in common.
FROM ${BASE_IMAGE} AS program
# Some bases come without the bytecode of Python's own library, and nobody may write it later.
RUN python3 -c "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=2)" \
 && echo 'cronwright:x:10001:10001:Cronwright:/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'cronwright:x:10001:' >> /etc/group
ENV PATH=/opt/cronwright/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /
USER 10001:10001
LABEL org.opencontainers.image.vendor="Cronwright" org.opencontainers.image.licenses="Apache-2.0"

FROM program AS operator
LABEL org.opencontainers.image.title="Cronwright operator" \
      org.opencontainers.image.description="Turns Task resources into native CronJobs"
COPY --from=operator-libraries /opt/cronwright /opt/cronwright
COPY --from=programs /programs/operator /opt/cronwright
ENTRYPOINT ["cronwright-operator"]

FROM program AS api
LABEL org.opencontainers.image.title="Cronwright API" \
      org.opencontainers.image.description="Keeps the timeline of every run and serves it over HTTP"
COPY --from=api-libraries /opt/cronwright /opt/cronwright
COPY --from=programs /programs/api /opt/cronwright
ENTRYPOINT ["cronwright-api"]

FROM program AS runner
LABEL org.opencontainers.image.title="Cronwright runner" \
      org.opencontainers.image.description="Executes one run of a Task"
COPY --from=runner-libraries /opt/cronwright /opt/cronwright
COPY --from=programs /programs/runner /opt/cronwright
ENTRYPOINT ["cronwright-runner"]
