#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the agent of this build on this machine against the cluster that KUBECONFIG names: install,
# update, invalid update, delete in use, restart, RBAC removed and given back. Makes a namespace of its
# own and removes it. Needs kubectl and rights to make namespaces and cluster roles; Kubernetes 1.20 or
# newer. Usage: tests/e2e/cluster.sh [path of seccompd]
# RESTART_API_SERVER: a command that restarts the API server and returns at once; without it that part
# is left out, which is said.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seccompd=${1:-$here/../../build/dev/agent/seccompd}

skip() { echo "skipped: $*"; exit 0; }
[[ -n ${KUBECONFIG:-} ]] || skip "KUBECONFIG is not set"
command -v kubectl > /dev/null || skip "there is no kubectl"
kubectl --request-timeout=10s version > /dev/null 2>&1 || skip "the cluster does not answer"
[[ -x $seccompd ]] || { echo "no agent at $seccompd: build it first"; exit 2; }

space=seccompd-e2e-$$
work=$(mktemp -d)
agent=
failed=0

cleanup() {
  [[ -z $agent ]] || kill "$agent" 2> /dev/null || true
  kubectl delete namespace "$space" --wait=false > /dev/null 2>&1 || true
  kubectl delete clusterrole,clusterrolebinding "$space" > /dev/null 2>&1 || true
  [[ $failed == 0 ]] || sed 's/^/  agent: /' "$work/log" | tail -40
  rm -rf "$work"
}
trap cleanup EXIT

say() { echo "$(date -u +%H:%M:%S) $*"; }
# until_true SECONDS WHAT COMMAND...
until_true() {
  local limit=$1 what=$2
  shift 2
  for ((i = 0; i < limit * 5; i++)); do
    if "$@"; then say "ok: $what"; return 0; fi
    sleep 0.2
  done
  failed=1
  say "FAILED: $what"
  exit 1
}
has() { grep -q "$2" "$work/root/$1" 2> /dev/null; }
answers() { kubectl --request-timeout=2s get namespace "$space" > /dev/null 2>&1; }
absent() { [[ ! -e $work/root/$1 ]]; }
metric() { curl -sf "http://$address/metrics" | awk -v series="$1" '$1 == series {print $2}'; }
metric_is() { [[ $(metric "$1") == "$2" ]]; }

profile() { # NAME SYSCALL
  kubectl -n "$space" create configmap "$1" --dry-run=client -o yaml --from-literal="a.json={
    \"defaultAction\":\"SCMP_ACT_ALLOW\",
    \"syscalls\":[{\"names\":[\"$2\"],\"action\":\"SCMP_ACT_ERRNO\"}]}" |
    kubectl label --local -f - seccompd.io/profiles=true -o yaml |
    kubectl apply -f - > /dev/null
}

# The token of the service account: a bound one where the server makes them (1.24), else its secret.
token() {
  kubectl -n "$space" create token seccompd --duration=1h 2> /dev/null && return
  local secret
  secret=$(kubectl -n "$space" get serviceaccount seccompd -o jsonpath='{.secrets[0].name}')
  kubectl -n "$space" get secret "$secret" -o jsonpath='{.data.token}' | base64 -d
}

start_agent() {
  "$seccompd" run --source kubernetes --pods kubernetes --kubeconfig "$work/config" \
    --profiles.namespace "$space" --node-name "$node" --seccomp-root "$work/root" \
    --startup-jitter 0s --delete-grace 0s --removal-delay 1s --evidence status \
    --socket "$work/agent.sock" --web.listen-address 127.0.0.1:0 2> "$work/log" &
  agent=$!
  for ((i = 0; i < 150; i++)); do
    address=$(sed -n 's/.*"listening".*"address":"\([^"]*\)".*/\1/p' "$work/log" | head -1)
    [[ -n $address ]] && curl -sf "http://$address/readyz" > /dev/null && return
    sleep 0.2
  done
  failed=1
  say "FAILED: the agent is not ready"
  exit 1
}
stop_agent() {
  kill "$agent"
  wait "$agent" || true
  agent=
}

say "cluster $(kubectl version -o json 2> /dev/null | sed -n 's/.*"gitVersion": "\(v[^"]*\)".*/\1/p' |
  tail -1), namespace $space"
kubectl create -f - > /dev/null <<< "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"$space\"}}"
sed "s/NAMESPACE/$space/" "$here/rbac.yaml" | kubectl apply -f - > /dev/null
node=$(kubectl get nodes -o jsonpath='{.items[0].metadata.name}')
mkdir "$work/root"
kubectl config view --raw --minify --flatten > "$work/admin"
kubectl --kubeconfig "$work/admin" config view --raw --minify --flatten -o \
  jsonpath='{.clusters[0].cluster}' > "$work/cluster"
token > "$work/token"
cat > "$work/config" <<END
{"apiVersion": "v1", "kind": "Config", "current-context": "e2e",
 "clusters": [{"name": "e2e", "cluster": $(cat "$work/cluster")}],
 "users": [{"name": "e2e", "user": {"tokenFile": "$work/token"}}],
 "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e", "namespace": "$space"}}]}
END

profile web mount
profile other mount
start_agent
until_true 10 "a profile is installed" has web/a.json mount
profile web bpf
until_true 10 "an update arrives" has web/a.json bpf
kubectl -n "$space" patch configmap web --type merge -p '{"data":{"a.json":"{\"defaultAction\":7}"}}' \
  > /dev/null
until_true 10 "an invalid update is reported" metric_is 'seccompd_profiles{state="invalid"}' 1
has web/a.json bpf || { failed=1; say "FAILED: the last good revision is gone"; exit 1; }
profile web reboot
until_true 10 "a valid update follows" has web/a.json reboot

# A pod that will never run, bound to the agent's node: it is its reference that counts.
kubectl -n "$space" apply -f - > /dev/null <<END
apiVersion: v1
kind: Pod
metadata: {name: holder}
spec:
  nodeName: $node
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: web/a.json}}
  containers: [{name: app, image: "invalid.invalid/none:none", imagePullPolicy: Never}]
END
until_true 10 "the pod is seen" bash -c "[[ \$(curl -sf http://$address/metrics |
  awk '\$1 == \"seccompd_cache_objects{resource=\\\"pods\\\"}\" {print \$2}') -ge 1 ]]"
kubectl -n "$space" delete configmap web > /dev/null
until_true 10 "a deleted profile is orphaned" metric_is seccompd_profiles_orphaned 1
has web/a.json reboot || { failed=1; say "FAILED: a profile in use was removed"; exit 1; }
kubectl -n "$space" delete pod holder --grace-period=0 --force > /dev/null 2>&1
until_true 30 "it goes with its last pod" absent web/a.json

profile web mount
until_true 10 "it comes again" has web/a.json mount
stop_agent
profile web bpf
start_agent
until_true 10 "a restarted agent catches up" has web/a.json bpf

if [[ -n ${RESTART_API_SERVER:-} ]]; then
  bash -c "$RESTART_API_SERVER"
  until_true 60 "the restarted API server answers" answers
  profile web swapon
  until_true 60 "after an API server's restart updates arrive" has web/a.json swapon
  profile web bpf
  until_true 20 "and the next one" has web/a.json bpf
else
  say "left out: a restart of the API server (RESTART_API_SERVER is not set)"
fi

kubectl -n "$space" delete rolebinding seccompd > /dev/null
stop_agent
rm -f "$work/root/web/a.json"
"$seccompd" run --source kubernetes --pods none --kubeconfig "$work/config" \
  --profiles.namespace "$space" --node-name "$node" --seccomp-root "$work/root" --startup-jitter 0s \
  --delete-grace 0s --evidence status --socket "$work/agent.sock" --web.listen-address 127.0.0.1:0 \
  2> "$work/log" &
agent=$!
until_true 20 "without RBAC what is installed is repaired and kept" has web/a.json bpf
sed "s/NAMESPACE/$space/" "$here/rbac.yaml" | kubectl apply -f - > /dev/null
profile web reboot
until_true 60 "with RBAC given back updates arrive" has web/a.json reboot
say "all passed"
