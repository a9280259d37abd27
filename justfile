# One-liners that people and CI call alike: `just` lists them.

# Everything that CI checks, in its order.
ci: fmt lint docs deny test example story

fmt:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets -- --deny warnings

docs:
    RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps

deny:
    cargo-deny check licenses bans sources

test:
    cargo test --workspace

# The tests of the example that the README starts with.
example:
    cargo test --manifest-path examples/tp2/Cargo.toml

# The README's first command and its tour, in an empty home.
story:
    bash tests/story.sh

# Every behaviour on every target that this machine has, and their table in the docs.
conformance:
    cargo test -p estiba --test conformance
    cargo test -p estiba --test conformance -- --table

# The JSON schemas of estiba.yaml and course.yaml, after their types changed.
schema:
    cargo run --quiet -p estiba -- schema > schema/estiba.schema.json
    cargo run --quiet -p estiba -- course schema > schema/course.schema.json

# The figures of BENCHMARKS.md.
bench:
    bash benches/run.sh
