# The plugin as one static binary and the roots it trusts: no shell, no package manager, not root.
#
# For `kubectl lease …` in a Job as it is; where `hold` has to run a command, copy the binary into that command's image:
#   COPY --from=kubectl-lease /kubectl-lease /usr/local/bin/
FROM rust:1-alpine AS build
# What ring's C and assembly are compiled with; Alpine's own target links musl statically.
RUN apk add --no-cache musl-dev
WORKDIR /src
# The whole workspace: cargo reads every member's manifest.
COPY Cargo.toml Cargo.lock LICENSE README.md ./
COPY bench bench
COPY docs docs
COPY examples examples
COPY src src
COPY tests tests
RUN cargo build --release --locked --package kubectl-lease --bin kubectl-lease \
    && /src/target/release/kubectl-lease version

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /src/target/release/kubectl-lease /kubectl-lease
# The number that Kubernetes' runAsNonRoot can check; a name it cannot.
USER 65532:65532
ENTRYPOINT ["/kubectl-lease"]
