# Footfall. `make help` lists what there is to do.

ours := $(CURDIR)/data/engine/libchdb.so
target := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
fetch := deploy/embedded/fetch/fetch.sh
packages := deploy/embedded/fetch/packages.sh
shell_scripts := $(wildcard .ci/* deploy/embedded/fetch/*.sh deploy/kafka/*.sh)

# Programs and tests load the in-process ClickHouse from here. Set it to use a library of your own.
export FOOTFALL_ENGINE ?= $(ours)

.DEFAULT_GOAL := help
.PHONY: help run kafka run-kafka test check bench engine ip-data kafka-fetch advisories tools clean

help: ## List these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run run-kafka bench: profile := --release
run: engine ip-data ## Build Footfall and start it with a demo site
	cargo build --locked --release --package embedded
	exec '$(target)/release/footfall' up --demo

kafka: kafka-fetch ## Start a Kafka broker on 127.0.0.1:9092, for development
	exec deploy/kafka/broker.sh data/kafka/broker 9092

run-kafka: engine ip-data kafka-fetch ## Run the whole chain over Kafka, each part a program of its own
	cargo build --locked --release --package embedded --package collector --package processor
	exec deploy/kafka/chain.sh

test: engine ip-data kafka-fetch ## Run every test, on the real engine, a real Kafka and in a real browser
	$(packages) chromium openssl
	node --test deploy/embedded/fetch/fetch.test.mjs
	cargo build --workspace --locked
	cargo test --workspace --locked
	npm ci --no-audit --no-fund --prefix tests/browser
	npm test --prefix tests/browser

check: tools ## Check style, lints, documentation, scripts and the dependencies' licences
	$(packages) shellcheck
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --locked
	shellcheck $(shell_scripts)
	.ci/dependencies

bench: engine ip-data kafka-fetch ## Measure speed and size against what the machine can do
	$(packages) wrk taskset:util-linux
	cargo build --locked --release --package embedded --package processor --package tests
	'$(target)/release/bench'
	cargo bench --locked --package collector --package processor --bench hit --bench pipeline

engine: tools ## Fetch the in-process ClickHouse (178 MB, once)
ifeq ($(FOOTFALL_ENGINE),$(ours))
	@$(fetch) engine
endif

ip-data: tools ## Fetch the countries and networks of IP addresses (26 MB, once)
	@$(fetch) ip-data
	@test data/ip/asn.mmdb -nt data/ip/SHA256SUMS || \
		cargo run --locked $(profile) --package embedded --bin footfall -- \
		ip-data --asn data/ip/asn-ipv4.csv data/ip/asn-ipv6.csv --out data/ip/asn.mmdb

kafka-fetch: ## Fetch Apache Kafka for development and tests (46 MB, once)
	@$(packages) java:openjdk-17-jre-headless mvn:maven
	@deploy/kafka/fetch.sh

advisories: ## Look for known vulnerabilities in the dependencies (needs a git host)
	cargo deny --locked check advisories

tools:
	@$(packages) cargo:rustup npm cc:gcc c++:g++ pkg-config
	@$(packages) openssl.pc:libssl-dev zlib.pc:zlib1g-dev

clean: ## Remove what was built; data/ stays, it may hold visits
	cargo clean
	rm -rf tests/browser/node_modules
