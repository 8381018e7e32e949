// Starts a program under limits and follows it until it and its descendants are gone.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace r1 {

/// A file descriptor with an owner.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  void reset();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// An anonymous file with this content that nobody can change any more, read from its beginning.
Result<Fd> sealed_file(const std::string& content);

struct ProcessStart {
  std::vector<std::string> argv;               // argv[0] is a path
  std::vector<std::string> environment;        // NAME=value
  std::vector<std::pair<int, int>> fds;        // (ours, the number it has there); others are closed
  std::vector<std::pair<int, rlim_t>> limits;  // (RLIMIT_…, value), at most what is allowed already
  std::vector<int> doors;                      // cgroup files to write "0" to
  uid_t uid = 0;                               // to become; 0: stay who we are
};

/// Starts it without copying this process's memory. Other threads' identities stay as they are.
Result<pid_t> start_process(const ProcessStart& start);

struct WatchLimits {
  double seconds = 1;
  size_t output_bytes = 0;
  int64_t memory_bytes = 0;  // watched by sampling; 0: something else limits memory
  std::function<void()> before_kill = [] {};
};

struct Watched {
  enum class Cause { kEnded, kTimeout, kOutput, kMemory } cause = Cause::kEnded;
  std::string out, err;  // cut at the limit
  std::string status;    // what bubblewrap reported as JSON
  double seconds = 0;
};

/// Follows bubblewrap (pid) and, once it has said which, the first process of its jail. Kills both
/// at a limit; comes back when both are gone, and with the first all others of the jail.
Result<Watched> watch_jail(pid_t pid, Fd out, Fd err, Fd status, const WatchLimits& limits);

}  // namespace r1
