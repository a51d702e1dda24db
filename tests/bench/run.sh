#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every benchmark with the release preset, figures as text and as JSON. Each one measures its floor or
# its peer in the same run, so quote the ratios: machines are shared. Without a NAME the whole agent is
# measured too, beside prometheus-node-exporter. Usage: tests/bench/run.sh [NAME...]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"

"$root/common/cmake/install_packages.sh"
cmake --preset release -DSECCOMPD_TESTS=ON -DSECCOMPD_BENCH=ON >/dev/null

out="build/release/bench"
mkdir -p "$out"
names=("$@")
if ((${#names[@]} == 0)); then
  for source in tests/bench/*_bench.cc; do names+=("$(basename "$source" _bench.cc)"); done
fi
targets=(seccompd bench_node)
for name in "${names[@]}"; do targets+=("${name}_bench"); done
cmake --build --preset release -j 2 --target "${targets[@]}"

for name in "${names[@]}"; do
  echo "== $name"
  "build/release/tests/bench/${name}_bench" --benchmark_out="$out/$name.json" --benchmark_out_format=json
done
if (($# == 0)); then
  python3 -B tests/bench/agent_figures.py build/release/agent/seccompd "$out/agent.json"
  python3 -B tests/bench/noticing.py build/release/agent/seccompd "$out/noticing.json"
fi
python3 -B tests/bench/report.py "$out"
echo "JSON, report.md and growth.svg: $out"
