// SPDX-License-Identifier: Apache-2.0
#include "common/kube/auth_files.h"

#include <fcntl.h>

#include <cerrno>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/host/host_root.h"
#include "common/kube/kubeconfig.h"

namespace seccompd::kube {

using base::Fail;
using base::Result;

Result<std::string> ReadConfigFile(const std::string& path, std::size_t max_bytes) {
  const base::UniqueFd file(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));  // NOLINT(*-vararg)
  if (file.get() < 0) return Fail(base::ErrnoError(errno, base::Printable(path)));
  return host::ReadFile(file, base::Printable(path), max_bytes);
}

Result<ClusterConfig> LoadInCluster(const std::string& host, const std::string& port,
                                    const std::string& service_account_dir) {
  InClusterInput input{
      .host = host, .port = port, .service_account_dir = service_account_dir, .namespace_text = {}};
  const auto name = ReadConfigFile(service_account_dir + "/namespace", 4096);
  if (name) input.namespace_text = *name;
  return InClusterConfig(input);
}

Result<ClusterConfig> LoadKubeconfig(const std::vector<std::string>& paths,
                                     std::string_view context) {
  std::vector<KubeconfigText> texts;
  for (const std::string& path : paths) {
    auto text = ReadConfigFile(path);
    // As kubectl: a file of the list that does not exist is no error.
    if (!text && text.error().code == base::ErrorCode::kNotFound) continue;
    if (!text) return Fail(base::WithContext(text.error(), "kubeconfig"));
    texts.push_back({.path = path, .text = *std::move(text)});
  }
  if (texts.empty()) {
    return Fail(base::ErrorCode::kNotFound,
                "no kubeconfig at '" + base::Printable(base::Join(paths, ":")) + "'");
  }
  return ParseKubeconfig(texts, context);
}

}  // namespace seccompd::kube
