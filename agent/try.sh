#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A node without a cluster: builds seccompd, installs sample profiles, starts containers that ask for
# them and shows what the kernel really enforces. Everything lives in one private directory and is gone
# afterwards. Usage: agent/try.sh [--keep | --stop | --help]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
readonly state=/var/lib/seccompd-try
readonly seccompd="$root/build/release/agent/seccompd"
readonly cgroup_parent=/kubepods/burstable

usage() {
  cat <<EOF
Usage: $0 [--keep | --stop]
  (nothing)  build, install profiles, start containers, audit, show metrics, clean up
  --keep     leave the agent and its containers running
  --stop     end what --keep left running
EOF
}

mode=run
case "${1:-}" in
  '') ;;
  --keep) mode=keep ;;
  --stop) mode=stop ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
esac

if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "try.sh starts containers: run it as root" >&2
    exit 2
  fi
  echo "try.sh starts containers, so it continues as root: sudo $0 $*"
  exec sudo -- "${BASH_SOURCE[0]}" "$@"
fi

bold='' dim='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }
show() { # the command, then what it prints
  printf '%s  $ %s%s\n' "$dim" "$*" "$plain"
}
die() {
  printf 'try.sh: %s\n' "$*" >&2
  exit 1
}

# --- containers -------------------------------------------------------------------------------------

# crun 1.8 refuses the hybrid cgroup layout (v1 controllers beside a v2 mount), so there it runs in a
# mount namespace of its own that lacks the v2 mount. The host's mounts stay as they are.
run_crun() {
  if mountpoint -q /sys/fs/cgroup/unified; then
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec crun "$@"' \
      crun --root "$state/crun" "$@"
  else
    crun --root "$state/crun" "$@"
  fi
}

make_rootfs() {
  mkdir -p "$state"/rootfs/{bin,proc,dev,sys,tmp}
  cp /bin/busybox "$state/rootfs/bin/busybox"
  ln -sf busybox "$state/rootfs/bin/sleep"
}

# write_config ID POD_UID PROFILE: config.json as a kubelet's runtime writes it. PROFILE is a file under
# the seccomp root, read now as containerd reads it at creation, or "" for no filter.
write_config() {
  local profile='null'
  if [[ -n $3 ]]; then profile="$(cat "$state/seccomp/$3")"; fi
  mkdir -p "$state/bundles/$1"
  jq -n --arg rootfs "$state/rootfs" --arg cgroup "$cgroup_parent/pod$2/$1" --argjson seccomp "$profile" '
    ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
     "CAP_NET_BIND_SERVICE"] as $caps |
    {ociVersion: "1.0.0", hostname: "demo",
     root: {path: $rootfs, readonly: true},
     process: {args: ["/bin/sleep", "1000000"], cwd: "/", env: ["PATH=/bin"],
               user: {uid: 0, gid: 0}, noNewPrivileges: true,
               capabilities: {bounding: $caps, effective: $caps, permitted: $caps}},
     mounts: [{destination: "/proc", type: "proc", source: "proc"},
              {destination: "/dev", type: "tmpfs", source: "tmpfs",
               options: ["nosuid", "mode=755", "size=64k"]}],
     linux: ({cgroupsPath: $cgroup,
              namespaces: ["pid", "network", "ipc", "uts", "mount"] | map({type: .})}
             + if $seccomp then {seccomp: $seccomp} else {} end)}' \
    >"$state/bundles/$1/config.json"
}

declare -a pods=()
# start_container POD LOADED ASKED [PRIVILEGED]: one pod with one container. LOADED is the profile the
# runtime really gets ("" = none), ASKED the localhostProfile of the pod spec ("" = it asks for nothing).
start_container() {
  local pod="$1" loaded="$2" asked="$3" privileged="${4:-false}" uid id log
  uid="$(cat /proc/sys/kernel/random/uuid)"
  id="$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
  write_config "$id" "$uid" "$loaded"
  # Recorded before it exists: cleaning up must find it whatever happens next.
  printf '%s %s\n' "$id" "$uid" >>"$state/containers"
  log="$state/bundles/$id/log"
  run_crun create --bundle "$state/bundles/$id" "$id" </dev/null >"$log" 2>&1 ||
    die "crun cannot create the container of $pod: $(cat "$log")"
  run_crun start "$id" >>"$log" 2>&1 || die "crun cannot start the container of $pod: $(cat "$log")"
  pods+=("$(jq -nc --arg pod "$pod" --arg uid "$uid" --arg id "$id" --arg asked "$asked" \
    --argjson privileged "$privileged" '
    {apiVersion: "v1", kind: "Pod", metadata: {name: $pod, namespace: "demo", uid: $uid},
     spec: {containers: [{name: "app", image: "busybox",
       securityContext: ((if $privileged then {privileged: true} else {} end)
         + (if $asked != "" then {seccompProfile: {type: "Localhost", localhostProfile: $asked}}
            else {} end))}]},
     status: {phase: "Running",
              containerStatuses: [{name: "app", containerID: ("containerd://" + $id)}]}}')")
}

write_pod_list() {
  printf '%s\n' "${pods[@]}" | jq -s '{apiVersion: "v1", kind: "List", items: .}' >"$state/pods.tmp"
  mv "$state/pods.tmp" "$state/pods/pods.json"
}

# --- the agent --------------------------------------------------------------------------------------

# The recorded agent is still ours: same pid, same program.
agent_pid() {
  local pid
  pid="$(cat "$state/agent.pid" 2>/dev/null)" || return 1
  [[ -n $pid && "$(readlink "/proc/$pid/exe" 2>/dev/null)" == "$seccompd"* ]] || return 1
  echo "$pid"
}

start_agent() {
  "$seccompd" run --source "dir:$state/manifests" --pods "dir:$state/pods" \
    --seccomp-root "$state/seccomp" --web.listen-address 127.0.0.1:0 --audit-interval 1s \
    --node-default unconfined >"$state/agent.log" 2>&1 </dev/null &
  echo "$!" >"$state/agent.pid"
  disown
  local attempt
  for ((attempt = 0; attempt < 100; ++attempt)); do
    address="$(jq -rR 'fromjson? | select(.msg == "listening") | .address' "$state/agent.log" | head -n 1)"
    if [[ -n $address ]] && curl -fsS -o /dev/null "http://$address/readyz" 2>/dev/null; then
      echo "$address" >"$state/address"
      return
    fi
    agent_pid >/dev/null || break
    sleep 0.1
  done
  cat "$state/agent.log" >&2
  die "the agent is not ready; its log is above"
}

stop_agent() {
  local pid attempt
  pid="$(agent_pid)" || return 0
  kill -TERM "$pid"
  for ((attempt = 0; attempt < 100; ++attempt)); do
    agent_pid >/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
}

# --- what is left behind ----------------------------------------------------------------------------

clean_up() {
  local id uid hierarchy
  stop_agent
  if [[ -e $state/containers ]]; then
    while read -r id uid; do
      run_crun delete --force "$id" 2>/dev/null || true
      for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*/; do
        rmdir "${hierarchy%/}$cgroup_parent/pod$uid"{/"$id",} 2>/dev/null || true
      done
    done <"$state/containers"
  fi
  if [[ -e $state/made-cgroups ]]; then # not ours where a kubelet runs
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*/; do
      rmdir "${hierarchy%/}$cgroup_parent" "${hierarchy%/}${cgroup_parent%/*}" 2>/dev/null || true
    done
  fi
  rm -rf "$state"
}

finish() {
  local code=$?
  trap - EXIT
  if ((code == 0)) && [[ $mode == keep ]]; then exit 0; fi
  if ((code != 0 && code != 130)) && [[ -s $state/agent.log ]]; then
    echo "The agent's last lines:" >&2
    tail -n 5 "$state/agent.log" >&2
  fi
  clean_up
  exit "$code"
}

# --- the tour ---------------------------------------------------------------------------------------

# As the owner of the tree, so that sudo leaves no build directory that its owner cannot use.
as_owner() {
  local owner
  owner="$(stat -c %U "$root")"
  if [[ $owner == root || $owner == UNKNOWN ]]; then
    "$@"
  else
    runuser -u "$owner" -- "$@"
  fi
}

# The newest line of what flows through, on a terminal; nothing elsewhere.
progress() {
  local line
  if [[ ! -t 1 ]]; then
    cat >/dev/null
    return
  fi
  while IFS= read -r line; do printf '\r\e[K  %s%.76s%s' "$dim" "$line" "$plain"; done
  printf '\r\e[K'
}

build() {
  step "1. Building seccompd (release)"
  "$root/common/cmake/install_packages.sh" build demo
  if [[ ! -e $seccompd ]]; then say "The first build takes a few minutes."; fi
  local log
  log="$(mktemp)"
  if ! (cd "$root" && as_owner cmake --preset release -DSECCOMPD_TESTS=OFF -DSECCOMPD_BENCH=OFF &&
    as_owner cmake --build --preset release --target seccompd) 2>&1 | tee "$log" | progress; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    die "the build failed; its last lines are above"
  fi
  rm -f "$log"
  say "$seccompd"
}

audit() {
  show "seccompd audit --all --pods dir:$state/pods --seccomp-root $state/seccomp"
  # Exit 1 means findings, which this tour is about.
  "$seccompd" audit --pods "dir:$state/pods" --seccomp-root "$state/seccomp" \
    --all --node-default unconfined || (($? == 1)) || die "the audit failed"
}

metrics() {
  show "curl http://$address/metrics"
  curl -fsS "http://$address/metrics" | grep -E "$1" | sed 's/^/  /' || true
}

install_profiles() {
  step "2. Installing profiles from ConfigMaps"
  say "Two ConfigMap manifests go into the directory that the agent follows; a private directory stands"
  say "for the kubelet's seccomp root."
  cp "$root"/agent/samples/{tutorial,web}.yaml "$state/manifests/"
  start_agent
  wait_for "the profiles are installed" test -e "$state/seccomp/web/cache.json"
  wait_for "the tutorial's too" test -e "$state/seccomp/profiles/fine-grained.json"
  show "find $state/seccomp -name '*.json' -printf '%M %s bytes  %P\\n'"
  find "$state/seccomp" -path '*/.seccompd' -prune -o -name '*.json' \
    -printf '  %M  %5s bytes  %P\n' | sort -k 4
}

# wait_for WHAT COMMAND...: polls for 20 s.
wait_for() {
  local what="$1" attempt
  shift
  for ((attempt = 0; attempt < 200; ++attempt)); do
    if "$@"; then return; fi
    sleep 0.1
  done
  die "waited 20 s: $what"
}

start_containers() {
  step "3. Starting five containers with crun, as a kubelet would"
  start_container web-0 web/app.json web/app.json
  say "web-0    asks for web/app.json and gets it"
  start_container api-0 '' web/app.json
  say "api-0    asks for web/app.json, but its runtime was told nothing"
  start_container cache-0 web/cache.json web/cache.json
  say "cache-0  asks for web/cache.json and gets it; that profile changes later"
  start_container admin-0 '' web/app.json true
  say "admin-0  asks for web/app.json and is privileged: runtimes then drop the filter"
  start_container batch-0 '' ''
  say "batch-0  asks for nothing"
  write_pod_list
}

change_profile() {
  step "4. Changing web/cache.json while cache-0 runs"
  local before
  before="$(sha256sum <"$state/seccomp/web/cache.json")"
  sed 's/\[bpf, ptrace\]/[bpf, ptrace, keyctl]/' "$root/agent/samples/web.yaml" >"$state/web.tmp"
  mv "$state/web.tmp" "$state/manifests/web.yaml"
  cache_changed() { [[ "$(sha256sum <"$state/seccomp/web/cache.json")" != "$before" ]]; }
  wait_for "the new revision is installed" cache_changed
  say "The file has a new revision. cache-0 still runs under the old one until it restarts."
}

tamper() {
  step "5. Editing an installed file by hand"
  local before
  before="$(sha256sum <"$state/seccomp/web/app.json")"
  echo '{}' >"$state/seccomp/web/app.json"
  say "web/app.json now says {}, with which a container would start without any filter."
  repaired() { [[ "$(sha256sum <"$state/seccomp/web/app.json")" == "$before" ]]; }
  wait_for "the file is repaired" repaired
  say "The agent put the right bytes back and counted it."
}

# One audit pass of the agent after now.
next_audit() {
  local before
  audits() { curl -fsS "http://$address/metrics" | awk '$1 == "seccompd_audits_total" { print int($2) }'; }
  before="$(audits)"
  audited() { (("$(audits)" > before + 1)); }
  wait_for "the agent audits" audited
}

main() {
  if [[ $mode == stop ]]; then
    if [[ ! -d $state ]]; then
      echo "Nothing is running."
      exit 0
    fi
    clean_up
    echo "Stopped; nothing is left behind."
    exit 0
  fi

  build
  if [[ -d $state ]]; then
    say "An earlier run left something behind: removing it first."
    clean_up
  fi
  trap finish EXIT
  trap 'exit 130' INT TERM
  mkdir -m 0700 "$state"
  mkdir "$state"/{manifests,pods,seccomp,bundles,crun}
  if ! compgen -G "/sys/fs/cgroup/*${cgroup_parent%/*}" >/dev/null &&
    [[ ! -d /sys/fs/cgroup${cgroup_parent%/*} ]]; then
    touch "$state/made-cgroups"
  fi
  make_rootfs

  install_profiles
  start_containers
  change_profile
  tamper

  step "6. What the kernel enforces"
  audit
  next_audit
  echo
  metrics '^seccompd_(containers|profiles|profile_drifts_total)\{.*[1-9][0-9]*$'

  if [[ $mode == keep ]]; then
    step "Still running"
    say "metrics  http://$address/metrics"
    say "log      $state/agent.log"
    say "profiles edit $state/manifests/*.yaml and look at $state/seccomp"
    say "audit    $seccompd audit --pods dir:$state/pods --seccomp-root $state/seccomp"
    say "stop     $0 --stop"
  else
    step "Done; everything is removed again. '$0 --keep' leaves it running."
  fi
}

main
