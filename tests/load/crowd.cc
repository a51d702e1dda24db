// SPDX-License-Identifier: Apache-2.0
// A node full of processes, cheaply: each "container" is a cgroup like a kubelet's with processes
// that only sleep. Usage: crowd CGROUP_ROOT, then lines on stdin:
//   fill DIR N        DIR below the root with N processes that stay; answers "filled DIR"
//   start DIR MS      DIR with one process that ends after MS; answers "gone DIR MS_LIVED"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

struct Running {
  pid_t pid = -1;
  std::string directory;
  Clock::time_point begun;
};

bool MakeDirectories(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string level = path.substr(0, at);
    if (::mkdir(level.c_str(), 0755) != 0 && errno != EEXIST) return false;
    if (at == std::string::npos) return true;
  }
}

// A process in the cgroup that sleeps until it is killed or this one ends.
pid_t Sleeper(const std::string& directory) {
  const pid_t pid = ::fork();
  if (pid < 0) return pid;
  if (pid == 0) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::pause();
    ::_exit(0);
  }
  std::ofstream procs(directory + "/cgroup.procs");
  procs << pid << std::flush;
  if (!procs) {
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, nullptr, 0);
    return -1;
  }
  return pid;
}

void EndDue(std::multimap<Clock::time_point, Running>* running) {
  while (!running->empty() && running->begin()->first <= Clock::now()) {
    const Running done = running->begin()->second;
    running->erase(running->begin());
    (void)::kill(done.pid, SIGKILL);
    (void)::waitpid(done.pid, nullptr, 0);
    const auto lived =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - done.begun);
    (void)::rmdir(done.directory.c_str());
    (void)::rmdir(done.directory.substr(0, done.directory.rfind('/')).c_str());  // its pod
    std::printf("gone %s %lld\n", done.directory.c_str(), static_cast<long long>(lived.count()));
  }
  std::fflush(stdout);
}

bool Obey(const std::string& root, const std::string& line,
          std::multimap<Clock::time_point, Running>* running) {
  std::istringstream words(line);
  std::string verb;
  std::string name;
  long number = 0;
  words >> verb >> name >> number;
  const std::string directory = root + "/" + name;
  if (!words || !MakeDirectories(directory)) return false;
  if (verb == "fill") {
    for (long i = 0; i < number; ++i) {
      if (Sleeper(directory) < 0) return false;
    }
    std::printf("filled %s\n", directory.c_str());
  } else {
    const auto begun = Clock::now();
    const pid_t pid = Sleeper(directory);
    if (pid < 0) return false;
    running->insert({begun + std::chrono::milliseconds(number), {pid, directory, begun}});
  }
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::multimap<Clock::time_point, Running> running;
  std::string input;
  for (;;) {
    int wait_ms = 1'000;
    if (!running.empty()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          running.begin()->first - Clock::now());
      wait_ms = static_cast<int>(
          std::max<std::int64_t>(0, std::min<std::int64_t>(1'000, left.count() + 1)));
    }
    struct pollfd in {};
    in.fd = STDIN_FILENO;
    in.events = POLLIN;
    if (::poll(&in, 1, wait_ms) > 0) {
      char buffer[4'096];
      const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof(buffer));
      if (n <= 0) return 0;  // every sleeper dies with us
      input.append(buffer, static_cast<std::size_t>(n));
    }
    EndDue(&running);
    for (std::size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
      if (!Obey(argv[1], input.substr(0, end), &running)) {
        std::fprintf(stderr, "crowd: %s: %s\n", input.substr(0, end).c_str(), std::strerror(errno));
        return 1;
      }
      input.erase(0, end + 1);
    }
  }
}
