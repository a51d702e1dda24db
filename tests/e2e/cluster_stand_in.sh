#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cluster.sh with a real kubectl against the test API server, which keeps RBAC as written in rbac.yaml:
# once with requested tokens, once with a service account's secret, as before Kubernetes 1.24.
# Usage: cluster_stand_in.sh TEST_CLUSTER SECCOMPD FOLDER_OF_TOOLS
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
test_cluster=$1 seccompd=$2 tools=$3
if [[ ! -e $tools/complete ]]; then
  [[ ${CI:-} != true ]] || { echo "FAILED: there is no kubectl in $tools"; exit 1; }
  echo "SKIPPED: there is no kubectl in $tools"
  exit 77
fi
work=$(mktemp -d)
server=
cleanup() {
  [[ -z $server ]] || kill "$server" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# run NAME OF THE FOLDER WITH KUBECTL, MORE FLAGS OF THE SERVER
run() {
  local kubectl=$tools/$1/kubectl
  shift
  rm -f "$work/ready"
  "$test_cluster" "$work" "$@" > "$work/ready" &
  server=$!
  for ((i = 0; i < 300; i++)); do
    [[ -s $work/ready ]] && break
    sleep 0.1
  done
  PATH=$kubectl:$PATH KUBECONFIG=$work/kubeconfig HOME=$work RESTART_API_SERVER="kill -USR1 $server; sleep 0.5" \
    "$here/cluster.sh" "$seccompd" | tee "$work/said"
  # What skips has shown nothing.
  grep -q 'all passed' "$work/said"
  kill "$server"
  wait "$server"
  server=
}
run helm4
run helm3 --token-secrets
