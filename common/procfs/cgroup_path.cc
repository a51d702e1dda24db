// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/cgroup_path.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace seccompd::procfs {
namespace {

constexpr std::string_view kSlice = ".slice";
constexpr std::string_view kScope = ".scope";
constexpr std::string_view kService = ".service";
constexpr std::string_view kUserSlice = "user.slice";
constexpr std::size_t kContainerIdDigits = 64;
constexpr std::size_t kHashUidDigits = 32;
constexpr std::array<std::size_t, 4> kUuidDashes = {8, 13, 18, 23};
constexpr std::size_t kUuidSize = 36;

// What runtimes put before "-<id>.scope" and ":<id>".
struct Prefix {
  std::string_view name;
  std::string_view runtime;  // as ContainerRef says it
  bool of_users;             // may run without root, below user.slice
};
constexpr std::array<Prefix, 5> kPrefixes = {{{"cri-containerd", "containerd", false},
                                              {"crio", "crio", false},
                                              {"docker", "docker", true},
                                              {"libpod", "libpod", true},
                                              {"nerdctl", "containerd", true}}};

bool IsLowerHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsLowerHex(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsLowerHex(c); });
}

bool IsContainerId(std::string_view text) { return IsLowerHex(text, kContainerIdDigits); }

std::optional<std::string_view> WithoutSuffix(std::string_view text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return std::nullopt;
  return text.substr(0, text.size() - suffix.size());
}

std::optional<std::string_view> WithoutPrefix(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

ContainerRef Ref(std::string_view id, std::string_view runtime, std::string_view pod_uid = "") {
  return ContainerRef{std::string(pod_uid), std::string(id), std::string(runtime)};
}

// A pod's uid as written in a cgroup name, with '-' or (systemd) '_' between the groups of a UUID.
std::optional<std::string> PodUid(std::string_view text, char dash) {
  if (IsLowerHex(text, kHashUidDigits)) return std::string(text);
  if (text.size() != kUuidSize) return std::nullopt;
  std::string uid(text);
  for (std::size_t i = 0; i < uid.size(); ++i) {
    if (std::find(kUuidDashes.begin(), kUuidDashes.end(), i) != kUuidDashes.end()) {
      if (uid[i] != dash) return std::nullopt;
      uid[i] = '-';
    } else if (!IsLowerHex(uid[i])) {
      return std::nullopt;
    }
  }
  return uid;
}

// "<stem>-pod<uid>.slice"
std::optional<std::string> PodUidOfSlice(std::string_view segment, std::string_view stem) {
  const auto name = WithoutSuffix(segment, kSlice);
  const auto rest = name ? WithoutPrefix(*name, stem) : std::nullopt;
  const auto uid = rest ? WithoutPrefix(*rest, "-pod") : std::nullopt;
  return uid ? PodUid(*uid, '_') : std::nullopt;
}

// Of one segment: "<prefix>-<id>.scope".
struct NamedContainer {
  const Prefix* prefix = nullptr;
  std::string_view id;
};
std::optional<NamedContainer> ContainerScope(std::string_view segment) {
  const auto name = WithoutSuffix(segment, kScope);
  if (!name) return std::nullopt;
  for (const Prefix& prefix : kPrefixes) {
    const auto rest = WithoutPrefix(*name, prefix.name);
    const auto id = rest ? WithoutPrefix(*rest, "-") : std::nullopt;
    if (id && IsContainerId(*id)) return NamedContainer{&prefix, *id};
  }
  return std::nullopt;
}

// What cgroupfs drivers name a container: "<id>", "crio-<id>", "libpod-<id>".
std::optional<ContainerRef> ContainerDirectory(std::string_view segment, std::string_view parent) {
  if (IsContainerId(segment)) {
    std::string_view runtime;
    if (parent == "docker") runtime = "docker";
    if (parent == "k8s.io") runtime = "containerd";
    if (parent == "libpod_parent") runtime = "libpod";
    return Ref(segment, runtime);
  }
  for (const std::string_view runtime : {"crio", "libpod"}) {
    const auto rest = WithoutPrefix(segment, runtime);
    const auto id = rest ? WithoutPrefix(*rest, "-") : std::nullopt;
    if (id && IsContainerId(*id)) {
      return Ref(*id, runtime);
    }
  }
  return std::nullopt;
}

// The monitor that CRI-O and podman run beside each container.
bool IsConmon(std::string_view segment) {
  const std::string_view name = WithoutSuffix(segment, kScope).value_or(segment);
  for (const std::string_view prefix : {"crio-conmon-", "libpod-conmon-"}) {
    const auto id = WithoutPrefix(name, prefix);
    if (id && IsContainerId(*id)) return true;
  }
  return false;
}

// "[<root>-]kubepods[-<qos>]-pod<uid>.slice:<prefix>:<id>", a single directory.
std::optional<ContainerRef> ContainerInOneName(std::string_view segment) {
  const std::size_t first = segment.find(':');
  const std::size_t second = first == std::string_view::npos ? first : segment.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view slice = segment.substr(0, first);
  const std::size_t pod = slice.rfind("-pod");
  if (pod == std::string_view::npos) return std::nullopt;
  std::string_view stem = slice.substr(0, pod);
  for (const std::string_view qos : {"-burstable", "-besteffort"}) {
    if (const auto rest = WithoutSuffix(stem, qos)) {
      stem = *rest;
      break;
    }
  }
  if (stem != "kubepods" && !stem.ends_with("-kubepods")) return std::nullopt;
  const auto uid = PodUidOfSlice(slice, slice.substr(0, pod));
  const std::string_view id = segment.substr(second + 1);
  const std::string_view name = segment.substr(first + 1, second - first - 1);
  const auto* const prefix = std::find_if(kPrefixes.begin(), kPrefixes.end(),
                                          [&](const Prefix& known) { return known.name == name; });
  if (!uid || prefix == kPrefixes.end() || !IsContainerId(id)) return std::nullopt;
  return Ref(id, prefix->runtime, *uid);
}

// Takes the segments of a path from the root on, until one says whose the rest is.
class Classifier {
 public:
  // True: decided, whatever follows.
  bool Take(std::string_view segment) {
    const bool decided = TakeSegment(segment);
    parent_ = segment;
    return decided;
  }

  CgroupPlace place;

 private:
  enum class Stage { kOutside, kKubepods, kQos, kPod };

  bool TakeSegment(std::string_view segment) {
    if (stage_ == Stage::kPod) return TakePodChild(segment);
    if (stage_ != Stage::kOutside && TakeInKubepods(segment)) return false;
    stage_ = Stage::kOutside;
    if (!in_unit_ && EnterKubepods(segment)) return false;
    if (TakeContainerWithoutPod(segment)) return true;
    in_scope_ = in_scope_ || segment.ends_with(kScope);
    in_unit_ = in_unit_ || in_scope_ || segment.ends_with(kService);
    of_user_ = of_user_ || segment == kUserSlice;
    return false;
  }

  bool EnterKubepods(std::string_view segment) {
    const auto stem = WithoutSuffix(segment, kSlice);
    bool entered = segment == "kubepods" || segment == "kubepods.slice";
    if (stem) {
      // systemd puts a-kubepods.slice below a.slice, always.
      const auto root = WithoutSuffix(*stem, "-kubepods");
      entered = entered || (root && !root->empty() && WithoutSuffix(parent_, kSlice) == root);
    }
    if (!entered) return false;
    stage_ = Stage::kKubepods;
    slice_stem_ = stem.value_or("");
    return true;
  }

  bool TakeInKubepods(std::string_view segment) {
    std::optional<std::string> uid;
    if (slice_stem_.empty()) {
      if (stage_ == Stage::kKubepods && (segment == "burstable" || segment == "besteffort")) {
        stage_ = Stage::kQos;
        return true;
      }
      const auto text = WithoutPrefix(segment, "pod");
      uid = text ? PodUid(*text, '-') : std::nullopt;
    } else {
      const auto name = WithoutSuffix(segment, kSlice);
      const auto qos = name ? WithoutPrefix(*name, slice_stem_) : std::nullopt;
      if (stage_ == Stage::kKubepods && qos && (*qos == "-burstable" || *qos == "-besteffort")) {
        stage_ = Stage::kQos;
        slice_stem_ = *name;
        return true;
      }
      uid = PodUidOfSlice(segment, slice_stem_);
    }
    if (!uid) return false;
    stage_ = Stage::kPod;
    place.kind = CgroupKind::kPod;
    place.ref.pod_uid = *uid;
    return true;
  }

  bool TakePodChild(std::string_view segment) {
    std::string uid = std::move(place.ref.pod_uid);
    place.kind = CgroupKind::kContainer;
    if (const auto scope = ContainerScope(segment)) {
      place.ref = Ref(scope->id, scope->prefix->runtime);
    } else if (auto directory = ContainerDirectory(segment, parent_)) {
      place.ref = *std::move(directory);
    } else {
      place.kind = IsConmon(segment) ? CgroupKind::kOther : CgroupKind::kPodChild;
    }
    place.ref.pod_uid = place.kind == CgroupKind::kOther ? "" : std::move(uid);
    return true;
  }

  bool TakeContainerWithoutPod(std::string_view segment) {
    if (in_scope_) return false;
    std::optional<ContainerRef> ref;
    if (const auto scope = ContainerScope(segment);
        scope && (!of_user_ || scope->prefix->of_users)) {
      ref = Ref(scope->id, scope->prefix->runtime);
    } else if (!of_user_) {
      ref = ContainerInOneName(segment);
      if (!ref && !in_unit_) ref = ContainerDirectory(segment, parent_);
    }
    if (!ref) return false;
    place.kind = CgroupKind::kContainer;
    place.ref = *std::move(ref);
    return true;
  }

  Stage stage_ = Stage::kOutside;
  std::string_view slice_stem_;  // systemd driver: the slice name that pods' names extend
  std::string_view parent_;
  bool in_scope_ = false;
  bool in_unit_ = false;  // within a .service or .scope
  bool of_user_ = false;  // below user.slice
};

bool IsPlainSegment(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != "..";
}

}  // namespace

CgroupPlace ClassifyCgroup(std::string_view path) {
  const std::string_view whole = path;
  if (path.starts_with('/')) path.remove_prefix(1);
  Classifier classifier;
  bool decided = false;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (!IsPlainSegment(segment) || slash + 1 == path.size()) return {};
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (decided) continue;  // still look for segments that make the path nobody's
    decided = classifier.Take(segment);
    if (decided && classifier.place.kind == CgroupKind::kContainer) {
      const auto end = segment.data() + segment.size() - whole.data();
      classifier.place.container_path = whole.substr(0, static_cast<std::size_t>(end));
    }
  }
  return std::move(classifier.place);
}

}  // namespace seccompd::procfs
