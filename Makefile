# Every target works alone, on a machine that has cargo and apt-get: it installs what it needs first.

# Tools that cargo installs land here, and not everybody's PATH has it; ip and nft live in the sbin folders.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:/usr/sbin:/sbin

# The capture of `make demo`.
CAPTURE ?= $(firstword $(wildcard testdata/leak/node1-any.pcap*))

.PHONY: help demo static image test lab anywhere fuzz corpus check audit bench fmt deps

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: ## build, and judge the bundled capture of a leak
	@scripts/install cargo cc libpcap
	cargo build --profile fast
	@scripts/demo "$(CAPTURE)"

static: ## one file that runs anywhere: target/static/egret, and its NOTICE
	@scripts/install cargo cc make flex bison dpkg-source
	scripts/static

image: static ## that file as a container image, by podman or docker: IMAGE (egret:VERSION)
	@scripts/install setcap $(if $(ENGINE)$(shell command -v podman || command -v docker),,podman)
	scripts/image $(IMAGE)

test: ## all tests: what needs no privilege, doctests, the laboratory, the static file where it is to run
	@scripts/install cargo cc libpcap nextest
	cargo nextest run
	cargo test --doc --quiet
	@$(MAKE) --no-print-directory lab
	@$(MAKE) --no-print-directory anywhere

lab: ## the laboratory: real NAT in network namespaces
	@scripts/install cargo cc libpcap nextest unshare mount setpriv ip nft conntrack ethtool arping strace tcpdump tmux
	scripts/lab

anywhere: static ## the static file in empty roots and in containers, behind a container network's NAT
	@scripts/install cargo cc libpcap nextest unshare mount setpriv ip nft setcap tmux podman busybox
	scripts/anywhere

# One input after the other, from a new seed. FUZZ_TARGET is a target's name, or all of them.
fuzz: ## look for inputs that break egret: FUZZ_SECONDS (60) for each target, FUZZ_TARGET, FUZZ_SEED
	@scripts/install cargo cc libpcap
	FUZZ_SECONDS=$${FUZZ_SECONDS:-60} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} \
	  cargo test --profile fuzz --test fuzz -- --nocapture --test-threads 1 $(FUZZ_TARGET)

corpus: ## every capture of CORPUS=DIR beside what other programs say of it
	@test -n "$(CORPUS)" || { echo "make corpus: CORPUS=DIR must name a corpus of captures, a folder with oracles.jsonl" >&2; exit 2; }
	@scripts/install cargo cc libpcap
	cargo test --profile fast --test corpus -- "$(abspath $(CORPUS))"

check: ## format, lints, documentation, licences, direction of imports
	@scripts/install cargo cc libpcap fmt clippy deny
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
	cargo deny --log-level warn check bans licenses sources
	cargo test --quiet --test layers

audit: ## known vulnerabilities of dependencies (needs the advisory database: network)
	@scripts/install cargo cc deny
	cargo deny check advisories

bench: ## measure: the whole program beside its peers, its stages, its memory over a long run
	@scripts/install cargo cc libpcap unshare ip tcpdump tcpreplay tshark tcptrace time
	cargo bench --bench whole
	cargo bench --bench live
	cargo bench --bench stages
	cargo bench --bench soak
	cargo bench --bench screen

fmt: ## format the code
	@scripts/install cargo fmt
	cargo fmt

deps: ## install everything that any target needs
	scripts/install cargo cc libpcap git fmt clippy nextest deny unshare mount setpriv ip nft conntrack ethtool arping strace tcpdump tmux tcpreplay tshark tcptrace time make flex bison dpkg-source setcap podman busybox
