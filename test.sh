#!/usr/bin/env bash
# Installs what the tests need where it is missing, then runs all of them, stage by stage. See --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
usage: ./test.sh [--long] [--no-install] [STAGE…]

Runs every test of foodcourt. Without a STAGE: all of them, in this order; the first that breaks ends the run.

  format      rustfmt agrees
  lint        clippy has nothing to say
  build       the binary and all tests, once
  house       import rules, doors, documents in step with the code
  unit        every rule of every service, by table and by property; kernel and dispatch on virtual time
  simulation  the whole saga on virtual time: seeded worlds, faults, planted bugs
  ports       the ports' contracts on a real PostgreSQL (a real Redis, a router that is a real HTTP server),
              and recorded days read back by foodcourt replay
  live        sockets and event streams: resume, floods, readers that stall
  api         every operation over HTTP, by every kind of person
  city        the simulator's own honesty, then a small city on the real binary
  readme      the README's tour, typed as it stands there
  browser     customer, kitchen and rider pages in a real Chromium
  crash       kill -9, drain and refused starts, with real processes
  cluster     two nodes on one PostgreSQL and one Redis behind the shipped HAProxy: killed, drained, asked at once
  deploy      the shipped load balancer configurations, as HAProxy and nginx read them

  --long        10,000 simulated seeds instead of 1,000, a larger city, 1,000 rounds of 100 riders at once
  --no-install  install nothing; say what is missing instead
  --help        this

Needs: Rust (https://rustup.rs) and either root, password-less sudo, or the packages it names installed beforehand.
Servers run on free ports in temporary folders and end with the tests. Logs: target/test-logs/.
TEXT
}

ALL_STAGES=(format lint build house unit simulation ports live api crash cluster city readme browser deploy)
LONG=false INSTALL=true STAGES=()
while (($#)); do
  case $1 in
    --long) LONG=true ;;
    --no-install) INSTALL=false ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "test.sh: there is no option $1 (see ./test.sh --help)" >&2; exit 2 ;;
    *)
      declare -F "stage_$1" >/dev/null || [[ " ${ALL_STAGES[*]} " == *" $1 "* ]] ||
        { echo "test.sh: there is no stage $1 (see ./test.sh --help)" >&2; exit 2; }
      STAGES+=("$1") ;;
  esac
  shift
done
((${#STAGES[@]})) || STAGES=("${ALL_STAGES[@]}")

LOGS=target/test-logs
mkdir -p "$LOGS"
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/foodcourt-test.XXXXXX")
CHILDREN=()
finish() {
  local pid
  for pid in "${CHILDREN[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${CHILDREN[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$SCRATCH"
}
trap finish EXIT
trap 'exit 130' INT TERM

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} NEXTEST_STATUS_LEVEL=${NEXTEST_STATUS_LEVEL:-fail}
export NEXTEST_FINAL_STATUS_LEVEL=${NEXTEST_FINAL_STATUS_LEVEL:-slow}
# A build from nothing is faster and half the size without what makes the next one fast.
[[ -z ${CI:-} ]] || export CARGO_INCREMENTAL=0
PATH=$PATH:$HOME/.cargo/bin

# ---------------------------------------------------------------------------------------------- what tests need

have() { command -v "$1" >/dev/null 2>&1; }
postgres_server() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || have initdb; }
chromium_browser() { have chromium || have chromium-browser || have google-chrome; }

missing_packages() {
  have cc || echo build-essential
  postgres_server || echo postgresql
  have redis-server || echo redis-server
  have curl || echo curl
  have jq || echo jq
  have python3 || echo python3
  if [[ -f package.json ]]; then
    have node || echo nodejs
    have npm || echo npm
    chromium_browser || echo chromium
  fi
  if [[ -d deploy ]]; then
    have haproxy || [[ -x /usr/sbin/haproxy ]] || echo haproxy
    have nginx || [[ -x /usr/sbin/nginx ]] || echo nginx-light
  fi
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages without letting them start servers of their own.
install_packages() {
  local policy=/usr/sbin/policy-rc.d ours=false
  if [[ ! -e $policy ]]; then
    ours=true
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  local status=0
  {
    as_root apt-get update -qq &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
  } >"$LOGS/install.log" 2>&1 </dev/null || status=$?
  if $ours; then as_root rm -f "$policy"; fi
  return "$status"
}

prepare() {
  have cargo || { echo "test.sh: there is no cargo: install Rust from https://rustup.rs" >&2; exit 1; }
  local packages
  mapfile -t packages < <(missing_packages)
  if ((${#packages[@]})); then
    if ! $INSTALL || ! have apt-get || { ((EUID != 0)) && ! sudo -n true 2>/dev/null; }; then
      echo "test.sh: missing: ${packages[*]}" >&2
      echo "test.sh: install them (on Debian: sudo apt-get install ${packages[*]}) and start again" >&2
      exit 1
    fi
    echo "--- install: ${packages[*]}"
    install_packages "${packages[@]}" || { tail -20 "$LOGS/install.log"; echo "test.sh: apt-get install failed" >&2; exit 1; }
  fi
  NEXTEST=false
  if cargo nextest --version >/dev/null 2>&1; then NEXTEST=true; fi
}

# Runs Rust tests of the workspace: one choice of packages everywhere, so that nothing is built twice.
rust_tests() {
  if $NEXTEST; then cargo nextest run --workspace --no-fail-fast "$@"; else cargo test --workspace --no-fail-fast "$@"; fi
}

binary() { echo "${CARGO_TARGET_DIR:-target}/debug/foodcourt"; }

# ---------------------------------------------------------------------------------------------- the stages

stage_format() { cargo fmt --all --check; }

stage_lint() { cargo clippy --workspace --all-targets -- -D warnings; }

# The binary comes out of this too (tests start it): a `cargo build` beside it would build every dependency a second time,
# without the features that tests add.
stage_build() {
  if $NEXTEST; then cargo nextest run --workspace --no-run; else cargo test --workspace --no-run; fi
}

stage_house() { rust_tests --test house --test events; }

# Every test of the domain but those that have a stage of their own.
stage_unit() {
  local path name targets=()
  for path in actors/tests/*; do
    name=$(basename "$path" .rs)
    if [[ $path == *.rs || -e $path/main.rs ]] && [[ $name != simulation && $name != events ]]; then targets+=(--test "$name"); fi
  done
  rust_tests --lib --bins "${targets[@]}"
}

# Prints how many days a second it lived, and how often each event, fault and refusal occurred.
stage_simulation() {
  if $LONG; then export FOODCOURT_SEEDS=10000; fi
  if $NEXTEST; then rust_tests --test simulation --success-output immediate; else rust_tests --test simulation -- --nocapture; fi
}

stage_ports() { rust_tests --test ports --test redis --test travel --test replay; }

stage_live() { rust_tests --test live; }

stage_api() { rust_tests --test api; }

stage_crash() { rust_tests --test crash; }

stage_cluster() {
  if $LONG; then export CLUSTER_ROUNDS=1000 CLUSTER_RIDERS=100; fi
  rust_tests --test cluster
}

# The simulator's own honesty, then a small city against the real binary; its exit code says whether anything was
# stuck, lost, duplicated or had gaps.
stage_city() {
  rust_tests --test city
  local orders=40 riders=12
  if $LONG; then orders=200 riders=40; fi
  "$(binary)" city --orders "$orders" --riders "$riders" --seed 7 --speed 20 --json --data-dir "$SCRATCH/city" | tee "$SCRATCH/city.out"
  python3 - "$SCRATCH/city.out" <<'PYTHON'
import json, sys
day = json.loads(open(sys.argv[1]).read().strip().splitlines()[-1])
bad = {name: day[name] for name in ("stuck", "lost", "duplicated", "gaps") if day[name]}
served = day["delivered"] + day["completed"]
assert not bad, f"the city found {bad}"
assert served >= 0.7 * day["placed"] > 0, f"only {served} of {day['placed']} orders were served"
PYTHON
}

stage_readme() { rust_tests --test readme; }

stage_browser() {
  npm ci --no-audit --no-fund --silent
  PUPPETEER_SKIP_DOWNLOAD=1 npm test --silent
}

stage_deploy() { rust_tests --test deploy; }

# ---------------------------------------------------------------------------------------------- the run

seconds() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

PASSED=0 FAILED=0
# Adds up what the runners counted in a stage's log: nextest's, cargo test's and node's closing lines.
count() {
  local log=$1 passed failed
  passed=$(sed -nE 's/.*tests? run: ([0-9]+) passed.*/\1/p; s/^test result: .* ([0-9]+) passed;.*/\1/p; s/^(#|ℹ) pass ([0-9]+)$/\2/p' "$log" |
    awk '{ sum += $1 } END { print sum + 0 }')
  failed=$(sed -nE 's/.*tests? run: .* ([0-9]+) failed.*/\1/p; s/^test result: .* ([0-9]+) failed;.*/\1/p; s/^(#|ℹ) fail ([0-9]+)$/\2/p' "$log" |
    awk '{ sum += $1 } END { print sum + 0 }')
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
}

run_stage() {
  local name=$1 log=$LOGS/$1.log began=$SECONDS status=0
  echo "--- $name"
  # A subshell with its own `set -e`: the first broken command of a stage ends it.
  set +e
  (set -e; "stage_$name") </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  count "$log"
  if ((status)); then
    echo
    echo "test.sh: $name FAILED after $(seconds $((SECONDS - began))); the log is $log; alone again: ./test.sh $name"
    exit 1
  fi
  TIMES+=("$(printf '%-12s %7s' "$name" "$(seconds $((SECONDS - began)))")")
}

TIMES=()
prepare
for name in "${STAGES[@]}"; do
  if declare -F "stage_$name" >/dev/null; then run_stage "$name"; fi
done
echo
printf '%s\n' "${TIMES[@]}"
echo "test.sh: all of it holds, in $(seconds $SECONDS)"
echo "$PASSED passed, $FAILED failed"
