// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <array>

#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/kube/field.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

constexpr document::Limits kLimits = {
    .bytes = std::size_t{4} << 20, .depth = 32, .nodes = 100'000, .documents = 1};
constexpr std::string_view kExecExtension = "client.authentication.k8s.io/exec";

struct Source {
  Node root;
  std::string directory;  // of the file, for its relative paths
  std::string path;
};

// One named entry of a list and the file that holds it.
struct Entry {
  const Node* node = nullptr;
  const Source* source = nullptr;
};

std::string Resolve(const Source& source, const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  return source.directory + "/" + path;
}

base::Error In(const Source& source, base::Error error) {
  return base::WithContext(std::move(error), base::Printable(source.path));
}

Result<Source> Parse(const KubeconfigText& text) {
  Source source;
  source.path = text.path;
  const std::size_t slash = text.path.rfind('/');
  source.directory = slash == std::string::npos ? "." : text.path.substr(0, slash);
  if (document::LooksLikeJson(text.text)) {
    auto parsed = document::ParseJson(text.text, kLimits);
    if (!parsed) return Fail(In(source, parsed.error()));
    source.root = *std::move(parsed);
  } else {
    auto parsed = document::ParseYaml(text.text, kLimits);
    if (!parsed) return Fail(In(source, parsed.error()));
    if (parsed->empty()) return source;
    source.root = std::move(parsed->front());
  }
  if (source.root.kind != Kind::kObject) {
    return Fail(In(source, {.code = ErrorCode::kInvalidArgument, .message = "not a kubeconfig"}));
  }
  return source;
}

// The `inner` object of the first entry of `list` with that name.
Result<Entry> FindNamed(std::span<const Source> sources, std::string_view list,
                        std::string_view inner, std::string_view name) {
  for (const Source& source : sources) {
    if (source.root.kind != Kind::kObject) continue;
    Entry found;
    const auto visit = [&](const Node& element) -> Result<> {
      TRY_ASSIGN(const std::string entry_name, StringField(element, "name"));
      if (entry_name != name || found.source != nullptr) return {};
      TRY_ASSIGN(found.node, ObjectField(element, inner));
      found.source = &source;
      return {};
    };
    const auto walked = ForEachObject(source.root, list, visit);
    if (!walked) return Fail(In(source, walked.error()));
    if (found.source != nullptr) return found;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "kubeconfig: " + std::string(list) + " has no '" + base::Printable(name) + "'");
}

Result<PemSource> Pem(const Entry& entry, const std::string& key) {
  PemSource pem;
  TRY_ASSIGN(const std::string data, StringField(*entry.node, key + "-data"));
  if (!data.empty()) {
    auto decoded = DecodeBase64(data);
    if (!decoded) return Fail(Under(key + "-data", decoded.error()));
    pem.pem = *std::move(decoded);
    return pem;
  }
  TRY_ASSIGN(const std::string file, StringField(*entry.node, key));
  pem.file = Resolve(*entry.source, file);
  return pem;
}

// The JSON text of a scalar or tree, for a plugin.
std::string ToJson(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
    case Kind::kNumber:
      return node.scalar;
    case Kind::kString:
      return '"' + base::EscapeJson(node.scalar) + '"';
    case Kind::kArray: {
      std::string text = "[";
      for (const Node& item : node.items) {
        if (text.size() > 1) text += ',';
        text += ToJson(item);
      }
      return text + "]";
    }
    case Kind::kObject: {
      std::string text = "{";
      for (const document::Member& member : node.members) {
        if (text.size() > 1) text += ',';
        text += '"' + base::EscapeJson(member.key) + "\":" + ToJson(member.value);
      }
      return text + "}";
    }
  }
  return "null";
}

Result<std::string> ExecExtension(const Node& cluster) {
  std::string json;
  const auto visit = [&json](const Node& element) -> Result<> {
    TRY_ASSIGN(const std::string name, StringField(element, "name"));
    const Node* value = element.Find("extension");
    if (name == kExecExtension && value != nullptr) json = ToJson(*value);
    return {};
  };
  TRY(ForEachObject(cluster, "extensions", visit));
  return json;
}

Result<ExecConfig> ParseExec(const Node& exec, const Source& source) {
  ExecConfig config;
  TRY_ASSIGN(config.api_version, StringField(exec, "apiVersion"));
  if (config.api_version != "client.authentication.k8s.io/v1" &&
      config.api_version != "client.authentication.k8s.io/v1beta1") {
    return Fail(ErrorCode::kInvalidArgument,
                "apiVersion: '" + base::Printable(config.api_version) +
                    "' is not client.authentication.k8s.io/v1 or v1beta1");
  }
  TRY_ASSIGN(config.command, StringField(exec, "command"));
  if (config.command.empty()) return Fail(ErrorCode::kInvalidArgument, "command: must be set");
  // A name is looked up in PATH; a path with a '/' is relative to the kubeconfig.
  if (config.command.find('/') != std::string::npos) {
    config.command = Resolve(source, config.command);
  }
  TRY_ASSIGN(config.args, StringListField(exec, "args"));
  TRY_ASSIGN(config.install_hint, StringField(exec, "installHint"));
  TRY_ASSIGN(config.provide_cluster_info, BoolField(exec, "provideClusterInfo", false));
  const auto visit = [&config](const Node& element) -> Result<> {
    TRY_ASSIGN(std::string name, StringField(element, "name"));
    TRY_ASSIGN(std::string value, StringField(element, "value"));
    config.env.emplace_back(std::move(name), std::move(value));
    return {};
  };
  TRY(ForEachObject(exec, "env", visit));
  return config;
}

Result<> ReadCluster(const Entry& entry, ClusterConfig* config) {
  const Node& cluster = *entry.node;
  TRY_ASSIGN(const std::string proxy, StringField(cluster, "proxy-url"));
  if (!proxy.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "proxy-url: proxies are not supported");
  }
  TRY_ASSIGN(const std::string server, StringField(cluster, "server"));
  auto url = net::ParseUrl(server);
  if (!url) return Fail(Under("server", url.error()));
  config->server = *std::move(url);
  TRY_ASSIGN(config->ca, Pem(entry, "certificate-authority"));
  TRY_ASSIGN(config->tls_server_name, StringField(cluster, "tls-server-name"));
  TRY_ASSIGN(config->insecure_skip_verify, BoolField(cluster, "insecure-skip-tls-verify", false));
  TRY_ASSIGN(const bool uncompressed, BoolField(cluster, "disable-compression", false));
  config->compression = !uncompressed;
  if (config->insecure_skip_verify && !config->ca.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "insecure-skip-tls-verify: contradicts certificate-authority");
  }
  return {};
}

Result<> ReadUser(const Entry& entry, const Node& cluster, ClusterConfig* config) {
  const Node& node = *entry.node;
  UserConfig& user = config->user;
  TRY_ASSIGN(const std::string name, StringField(node, "username"));
  if (!name.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "username: basic authentication is not supported (API servers ended it in 1.19)");
  }
  TRY_ASSIGN(const Node* provider, ObjectField(node, "auth-provider"));
  if (provider != nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                "auth-provider: was replaced by exec plugins in 1.26; use `exec`");
  }
  TRY_ASSIGN(user.token, StringField(node, "token"));
  TRY_ASSIGN(const std::string token_file, StringField(node, "tokenFile"));
  user.token_file = Resolve(*entry.source, token_file);
  TRY_ASSIGN(user.client_cert, Pem(entry, "client-certificate"));
  TRY_ASSIGN(user.client_key, Pem(entry, "client-key"));
  if (user.client_cert.empty() != user.client_key.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "client-certificate and client-key: one is useless without the other");
  }
  TRY_ASSIGN(config->impersonate_user, StringField(node, "as"));
  TRY_ASSIGN(config->impersonate_groups, StringListField(node, "as-groups"));
  if (config->impersonate_user.empty() && !config->impersonate_groups.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "as-groups: needs `as`");
  }
  TRY_ASSIGN(const Node* exec, ObjectField(node, "exec"));
  // client-go prefers what stands in the file over what a plugin would say.
  if (exec == nullptr || !user.token.empty() || !user.token_file.empty()) return {};
  auto parsed = ParseExec(*exec, *entry.source);
  if (!parsed) return Fail(Under("exec", parsed.error()));
  user.exec = *std::move(parsed);
  if (user.exec->provide_cluster_info) {
    TRY_ASSIGN(user.exec->cluster_extension, ExecExtension(cluster));
  }
  return {};
}

Result<std::string> CurrentContext(std::span<const Source> sources) {
  for (const Source& source : sources) {
    if (source.root.kind != Kind::kObject) continue;
    TRY_ASSIGN(std::string name, StringField(source.root, "current-context"));
    if (!name.empty()) return name;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "kubeconfig: no current-context; name one with --context");
}

base::Error OfEntry(std::string_view list, std::string_view name, const Entry& entry,
                    base::Error error) {
  return In(*entry.source,
            Under(std::string(list) + "[" + base::Printable(name) + "]", std::move(error)));
}

}  // namespace

Result<ClusterConfig> ParseKubeconfig(std::span<const KubeconfigText> texts,
                                      std::string_view context) {
  std::vector<Source> sources;
  sources.reserve(texts.size());
  for (const KubeconfigText& text : texts) {
    TRY_ASSIGN(Source source, Parse(text));
    sources.push_back(std::move(source));
  }
  ClusterConfig config;
  config.context = context;
  if (context.empty()) {
    TRY_ASSIGN(config.context, CurrentContext(sources));
  }
  TRY_ASSIGN(const Entry chosen, FindNamed(sources, "contexts", "context", config.context));
  Node empty;
  empty.kind = Kind::kObject;
  const Node& chosen_node = chosen.node == nullptr ? empty : *chosen.node;
  TRY_ASSIGN(const std::string cluster_name, StringField(chosen_node, "cluster"));
  TRY_ASSIGN(const std::string user_name, StringField(chosen_node, "user"));
  TRY_ASSIGN(const std::string namespace_name, StringField(chosen_node, "namespace"));
  if (!namespace_name.empty()) config.namespace_name = namespace_name;
  TRY_ASSIGN(Entry cluster, FindNamed(sources, "clusters", "cluster", cluster_name));
  if (cluster.node == nullptr) cluster.node = &empty;
  const auto read = ReadCluster(cluster, &config);
  if (!read) return Fail(OfEntry("clusters", cluster_name, cluster, read.error()));
  if (user_name.empty()) return config;
  TRY_ASSIGN(Entry user, FindNamed(sources, "users", "user", user_name));
  if (user.node == nullptr) user.node = &empty;
  const auto known = ReadUser(user, *cluster.node, &config);
  if (!known) return Fail(OfEntry("users", user_name, user, known.error()));
  return config;
}

std::vector<std::string> KubeconfigPaths(std::string_view variable, std::string_view home) {
  std::vector<std::string> paths;
  for (const std::string_view path : base::Split(variable, ':')) {
    if (!path.empty()) paths.emplace_back(path);
  }
  if (paths.empty() && !home.empty()) paths.push_back(std::string(home) + "/.kube/config");
  return paths;
}

Result<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int have = 0;
  int padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    const std::size_t value = kAlphabet.find(c);
    if (c == '=') {
      ++padding;
    } else if (value == std::string_view::npos || padding > 0) {
      return Fail(ErrorCode::kInvalidArgument, "not base64");
    } else {
      bits = bits << 6 | static_cast<std::uint32_t>(value);
      have += 6;
      if (have >= 8) {
        have -= 8;
        bytes.push_back(static_cast<char>(static_cast<unsigned char>(bits >> have & 0xffU)));
      }
    }
  }
  // 6 bits left over mean a lone character; padding must fill the last group of four.
  const int expected = have == 4 ? 2 : have == 2 ? 1 : 0;
  if (have == 6 || padding != expected) return Fail(ErrorCode::kInvalidArgument, "not base64");
  return bytes;
}

}  // namespace seccompd::kube
