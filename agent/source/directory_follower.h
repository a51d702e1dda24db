// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "agent/source/directory_source.h"
#include "agent/source/source.h"

namespace seccompd::agent {

// `--source dir:PATH` on the loop. Read once when it is made.
class DirectoryProfiles : public ProfileSource {
 public:
  DirectoryProfiles(boost::asio::io_context& io, std::string path);

  void Start(net::Supervisor& supervisor, OnChange changed) override;
  [[nodiscard]] const ProfileContents& profiles() const override { return source_.contents(); }
  [[nodiscard]] bool synced() const override { return source_.contents().complete; }
  // The directory is read whole at every change: waiting is all that can be done.
  void Confirm() override {}
  [[nodiscard]] bool confirmed() const override { return true; }

 private:
  boost::asio::io_context& io_;
  DirectorySource source_;
};

// `--pods dir:PATH` on the loop.
class DirectoryPods : public PodSource {
 public:
  DirectoryPods(boost::asio::io_context& io, std::string path);

  void Start(net::Supervisor& supervisor, OnChange changed) override;
  [[nodiscard]] std::vector<kube::Pod> pods() const override { return source_.contents().pods; }
  [[nodiscard]] bool complete() const override;
  [[nodiscard]] std::string_view kind() const override { return "directory"; }
  [[nodiscard]] std::vector<SourceProblem> problems() const override {
    return source_.contents().problems;
  }

 private:
  boost::asio::io_context& io_;
  DirectorySource source_;
};

}  // namespace seccompd::agent
