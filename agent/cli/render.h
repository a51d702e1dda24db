// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "common/seccomp/diagnose.h"

namespace seccompd::agent {

struct RenderOptions {
  std::string input;          // a file or "-"
  std::string key{};          // --key: which key (or localhostProfile path) of a ConfigMap manifest
  seccomp::NodeFacts node{};  // --node-arch, --node-kernel, --capabilities
  std::string runtime{};      // --runtime: whose default a bare `runtime-default` base is
  bool colour = false;        // `err` is a terminal
};

// `seccompd render`: the bytes that would be installed, nothing else, on `out`; diagnostics on
// `err`. A manifest with several profiles needs a key, so that `out` always is one file. 0:
// rendered; 1: the profile is refused or cannot be read; 2: no such key, or one is needed. `in` is
// read for "-".
int RunRender(const RenderOptions& options, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
