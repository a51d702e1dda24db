// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/seccomp/node_facts.h"
#include "common/seccomp/object_reader.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// What only Docker, Moby and CRI-O understand in a profile, decided for one node by their rules
// (moby/profiles seccomp_linux.go setupSeccomp; container-libs pkg/seccomp). Internal to seccomp/.
class DockerFields {
 public:
  DockerFields(const NodeFacts& node, ObjectReader& read, DiagnosticSink& sink)
      : node_(node), read_(read), sink_(sink) {}

  // archMap: the node's architecture and its sub-architectures, or none if it is not listed.
  std::vector<Arch> ReadArchMap(const Field& field, const Path& path);
  // name: one system call.
  std::string ReadName(const Field& field, const Path& path);
  // errno and defaultErrno: a name or a decimal number.
  std::optional<std::uint64_t> ReadErrno(const Field& field, const Path& path);
  // includes and excludes, either may be absent: does the rule count on this node?
  bool Applies(const Field& includes, const Field& excludes, const Path& path);

  // Warns once for every field that was decided here and that containerd would have ignored.
  void Report();

 private:
  struct Filter;
  enum Decided : std::size_t { kArchMap, kName, kErrno, kIncludes, kExcludes, kDecidedCount };
  struct Seen {
    std::string pointer;
    std::size_t line = 0;
    std::size_t column = 0;
    std::size_t times = 0;
    std::size_t left_out = 0;
  };

  void See(Decided what, const Field& field, const Path& path);
  Filter ReadFilter(const Field& field, const Path& path);
  std::vector<std::string_view> ReadStrings(const Field& field, const Path& path,
                                            std::string_view what);
  std::optional<bool> ReadKernel(const Field& field, const Path& path);
  [[nodiscard]] bool HasCapability(std::string_view name) const;
  [[nodiscard]] bool IsThisArch(std::string_view name) const;
  [[nodiscard]] std::string NodeText() const;

  const NodeFacts& node_;
  ObjectReader& read_;
  DiagnosticSink& sink_;
  std::array<Seen, kDecidedCount> seen_{};
};

}  // namespace seccompd::seccomp
