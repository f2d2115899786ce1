# podcm-sync and the Python it needs, and nothing else: no pip, no compiler, no cache. It runs as
# any user, on a read-only root, without a writable mount.
#
#   docker build -t "podcm-sync:$VERSION" --build-arg "VERSION=$VERSION" .
#
# Everything that is installed is pinned by hash: Python packages and the Go toolchain by
# requirements/ (`make lock`), Go modules by go.sum, the base by its digest. PYTHON_IMAGE is for a
# mirror or a newer digest; REVISION and SOURCE go into the labels.
#
# The digest is that of the index (amd64 and arm64) of Python 3.13.15 on Debian trixie, as public
# Dockerfiles pin it, such as the one of the repository shivamkumar99/helm-python-sdk.
ARG PYTHON_IMAGE=python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements requirements
# The template engine is Go, and the base has none: build.txt has the toolchain too. No sdists, as
# they run code of their own to install.
RUN python -m venv --without-pip /opt/build \
 && python -m pip --python /opt/build/bin/python install --require-hashes --only-binary :all: \
      -r requirements/build.txt
RUN python -m venv --without-pip /opt/podcm-sync \
 && python -m pip --python /opt/podcm-sync/bin/python install --no-compile --require-hashes \
      --only-binary :all: -r requirements/runtime.txt
COPY . .
RUN python -m pip --python /opt/build/bin/python wheel --no-index --no-deps --no-build-isolation \
      --check-build-dependencies --wheel-dir /wheels .
# Bytecode now, as nothing can be written later. Its validity does not hang on file times, which
# copying and reproducible builds change.
RUN python -m pip --python /opt/podcm-sync/bin/python install --no-index --no-deps --no-compile \
      /wheels/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/podcm-sync/lib
# The engine's native code too: compiling it would take each start some seconds. -P, since what is
# meant is the installed package, not the source here.
RUN /opt/podcm-sync/bin/python -P -m podcm_sync.template.compiled

FROM ${PYTHON_IMAGE}
# The standard library of the official images has no bytecode: each start would compile it anew.
# pip goes, as nothing here is to be installed, and no scanner need report on it.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
 && python -c 'import ensurepip, shutil; shutil.rmtree(ensurepip.__path__[0])' \
 && python -m compileall -q --invalidation-mode unchecked-hash \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/podcm-sync /opt/podcm-sync

# Unbuffered: a killed run's last words are in the log.
ENV PATH=/opt/podcm-sync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# By number, so that runAsNonRoot can be checked.
USER 65532:65532
ENTRYPOINT ["podcm-sync"]

# Last, so that a new revision costs no layer.
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
ARG DESCRIPTION="One ConfigMap for each Pod, kept in sync: a periodic Kubernetes job"
LABEL org.opencontainers.image.title="podcm-sync" \
      org.opencontainers.image.description="${DESCRIPTION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
