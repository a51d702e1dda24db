// SPDX-License-Identifier: Apache-2.0
#include "tests/support/oci_bundle.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "tests/support/tree_builder.h"

namespace seccompd::test_support {
namespace {

namespace json = boost::json;

// What containerd and CRI-O give a container that asks for nothing (contrib: oci/spec.go
// defaultUnixCaps).
json::array DefaultCapabilities() {
  return {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",    "CAP_MKNOD",
          "CAP_NET_RAW", "CAP_SETGID",       "CAP_SETUID",           "CAP_SETFCAP",   "CAP_SETPCAP",
          "CAP_KILL",    "CAP_AUDIT_WRITE",  "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"};
}

json::object ProcessObject(const ContainerSpec& spec) {
  json::object capabilities;
  for (const char* set : {"bounding", "effective", "permitted"}) {
    capabilities[set] = DefaultCapabilities();
  }
  json::object process;
  process["terminal"] = false;
  process["user"] = {{"uid", 0}, {"gid", 0}};
  process["args"] = json::value_from(spec.args);
  process["env"] = json::array{"PATH=/bin"};
  process["cwd"] = "/";
  process["capabilities"] = std::move(capabilities);
  process["noNewPrivileges"] = spec.no_new_privileges;
  return process;
}

json::object LinuxObject(const ContainerSpec& spec) {
  json::array namespaces;
  for (const char* type : {"pid", "network", "ipc", "uts", "mount"}) {
    namespaces.push_back(json::object{{"type", type}});
  }
  json::object linux_part;
  linux_part["cgroupsPath"] = CgroupPath(spec);
  linux_part["namespaces"] = std::move(namespaces);
  if (spec.seccomp) {
    json::error_code error;
    json::value profile = json::parse(*spec.seccomp, error);
    if (error) {
      std::fprintf(stderr, "ContainerSpec::seccomp is not JSON: %s\n", spec.seccomp->c_str());
      std::abort();
    }
    linux_part["seccomp"] = std::move(profile);
  }
  return linux_part;
}

}  // namespace

std::string CgroupPath(const ContainerSpec& spec) {
  const bool guaranteed = spec.qos == "guaranteed";
  if (spec.cgroups == CgroupStyle::kCgroupfs) {
    return "/kubepods/" + (guaranteed ? "" : spec.qos + "/") + "pod" + spec.pod_uid + "/" +
           spec.container_id;
  }
  std::string uid = spec.pod_uid;
  std::replace(uid.begin(), uid.end(), '-', '_');
  const std::string parent = guaranteed ? "kubepods" : "kubepods-" + spec.qos;
  return "/kubepods.slice/" + (guaranteed ? "" : parent + ".slice/") + parent + "-pod" + uid +
         ".slice/cri-containerd-" + spec.container_id + ".scope";
}

std::string RenderOciConfig(const ContainerSpec& spec, const std::string& rootfs) {
  json::object config;
  config["ociVersion"] = "1.0.0";
  config["root"] = {{"path", rootfs}, {"readonly", true}};
  config["hostname"] = "demo";
  config["process"] = ProcessObject(spec);
  config["linux"] = LinuxObject(spec);
  config["mounts"] =
      json::array{json::object{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
                  json::object{{"destination", "/dev"},
                               {"type", "tmpfs"},
                               {"source", "tmpfs"},
                               {"options", json::array{"nosuid", "mode=755", "size=64k"}}}};
  return json::serialize(config) + "\n";
}

void WriteBusyboxRoot(const std::string& rootfs) {
  TreeBuilder tree(rootfs);
  tree.Dir("proc").Dir("dev").Dir("sys").Dir("tmp").Dir("bin");
  std::error_code error;
  std::filesystem::copy_file("/bin/busybox", rootfs + "/bin/busybox", error);
  if (error) {
    std::fprintf(stderr, "/bin/busybox (package busybox-static): %s\n", error.message().c_str());
    std::abort();
  }
  for (const char* applet : {"sh", "sleep", "true"}) {
    tree.Symlink(std::string("bin/") + applet, "busybox");
  }
}

}  // namespace seccompd::test_support
