// SPDX-License-Identifier: Apache-2.0
#include "common/kube/pod_pack.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/strings.h"

namespace seccompd::kube {
namespace {

// A new field of these must be packed, too.
#if defined(__GLIBCXX__) && defined(__x86_64__)
static_assert(sizeof(Container) == 264 && sizeof(Pod) == 480);
#endif

constexpr std::size_t kDigestHex = 64;  // SHA-256: container IDs, image digests
constexpr std::string_view kKeptAnnotations[] = {"kubernetes.io/config.hash",
                                                 "kubernetes.io/config.mirror"};

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Writes and reads the same sequence of values: Visit below names it once.
class Packer {
 public:
  void Number(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>((value & 0x7f) | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void Text(const std::string& text) {
    const bool digest = text.size() >= kDigestHex &&
                        IsLowerHex(std::string_view(text).substr(text.size() - kDigestHex));
    const std::size_t plain = digest ? text.size() - kDigestHex : text.size();
    Number(plain * 2 + (digest ? 1 : 0));
    out_.append(text, 0, plain);
    if (!digest) return;
    const auto bytes = base::HexDecode(std::string_view(text).substr(plain));
    out_.append(bytes->begin(), bytes->end());
  }
  void Texts(const std::vector<std::string>& texts) {
    Number(texts.size());
    for (const std::string& text : texts) Text(text);
  }
  template <class E>
  void Small(const E& value) {
    out_.push_back(static_cast<char>(value));
  }
  void Time(const std::optional<base::WallTime>& time) {
    Small(time.has_value());
    if (!time) return;
    const std::int64_t ms = time->time_since_epoch().count();
    Number((static_cast<std::uint64_t>(ms) << 1) ^ static_cast<std::uint64_t>(ms >> 63));
  }
  void Profile(const std::optional<SeccompProfileRef>& ref) {
    Small(ref.has_value());
    if (!ref) return;
    Small(ref->type);
    Text(ref->localhost_profile);
  }
  [[nodiscard]] std::string Take() {
    out_.shrink_to_fit();
    return std::move(out_);
  }

 private:
  std::string out_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view in) : in_(in) {}

  std::uint64_t Number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(in_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  void Text(std::string& text) {
    const std::uint64_t head = Number();
    const std::size_t plain = head / 2;
    text = in_.substr(at_, plain);
    at_ += plain;
    if (head % 2 == 0) return;
    std::vector<std::uint8_t> bytes;
    for (const char c : in_.substr(at_, kDigestHex / 2)) {
      bytes.push_back(static_cast<std::uint8_t>(c));
    }
    at_ += kDigestHex / 2;
    text += base::HexEncode(bytes);
  }
  void Texts(std::vector<std::string>& texts) {
    texts.resize(Number());
    for (std::string& text : texts) Text(text);
  }
  template <class E>
  void Small(E& value) {
    value = static_cast<E>(in_[at_++]);
  }
  void Time(std::optional<base::WallTime>& time) {
    bool present = false;
    Small(present);
    if (!present) return;
    const std::uint64_t zigzag = Number();
    const auto ms = static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1);
    time = base::WallTime(std::chrono::milliseconds(ms));
  }
  void Profile(std::optional<SeccompProfileRef>& ref) {
    bool present = false;
    Small(present);
    if (!present) return;
    ref.emplace();
    Small(ref->type);
    Text(ref->localhost_profile);
  }

 private:
  std::string_view in_;
  std::size_t at_ = 0;
};

template <class Coder, class C>
void VisitContainer(Coder& coder, C& container) {
  coder.Text(container.name);
  coder.Small(container.kind);
  coder.Profile(container.seccomp);
  coder.Small(container.privileged);
  coder.Texts(container.add_capabilities);
  coder.Texts(container.drop_capabilities);
  coder.Text(container.container_id);
  coder.Text(container.image_id);
  coder.Small(container.state);
  coder.Time(container.started_at);
  coder.Text(container.waiting_reason);
}

template <class Coder, class P>
void VisitPod(Coder& coder, P& pod) {
  coder.Text(pod.meta.name);
  coder.Text(pod.meta.namespace_name);
  coder.Text(pod.meta.uid);
  coder.Text(pod.meta.resource_version);
  coder.Time(pod.meta.creation_time);
  coder.Text(pod.node_name);
  coder.Text(pod.runtime_class);
  coder.Text(pod.owner);
  coder.Text(pod.phase);
  coder.Small(pod.host_pid);
  coder.Small(pod.host_users);
  coder.Text(pod.os);
  coder.Profile(pod.seccomp);
}

}  // namespace

std::string PackPod(const Pod& pod) {
  Packer packer;
  VisitPod(packer, pod);
  for (const std::string_view key : kKeptAnnotations) {
    const auto found = pod.meta.annotations.find(std::string(key));
    packer.Small(found != pod.meta.annotations.end());
    if (found != pod.meta.annotations.end()) packer.Text(found->second);
  }
  packer.Number(pod.containers.size());
  for (const Container& container : pod.containers) {
    VisitContainer(packer, container);
  }
  return packer.Take();
}

Pod UnpackPod(std::string_view packed) {
  Unpacker unpacker(packed);
  Pod pod;
  VisitPod(unpacker, pod);
  for (const std::string_view key : kKeptAnnotations) {
    bool present = false;
    unpacker.Small(present);
    if (present) unpacker.Text(pod.meta.annotations[std::string(key)]);
  }
  pod.containers.resize(unpacker.Number());
  for (Container& container : pod.containers) VisitContainer(unpacker, container);
  return pod;
}

}  // namespace seccompd::kube
