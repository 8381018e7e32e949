#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "reward/sandbox_memory.h"
#include "reward/sandbox_process.h"

namespace r1 {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSampleMs = 20;       // how often memory is looked at
constexpr int kPatienceMs = 10000;  // how long a killed process may take to go

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Fd open_process(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void kill_process(const Fd& process) {
  if (process) ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

bool is_gone(const Fd& process, int wait_ms) {
  pollfd poll{process.get(), POLLIN, 0};
  int found = 0;
  while (process && (found = ::poll(&poll, 1, wait_ms)) < 0 && errno == EINTR) {
  }
  return !process || found == 1;
}

class Watch {
 public:
  Watch(pid_t pid, Fd out, Fd err, Fd status, const WatchLimits& limits)
      : pid_(pid), limits_(limits), bwrap_(open_process(pid)) {
    pipes_[0] = std::move(out), pipes_[1] = std::move(err), pipes_[2] = std::move(status);
    for (const Fd& pipe : pipes_) ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  }

  Result<Watched> run() {
    while (!step()) {
    }
    find_first();
    if (result_.cause != Watched::Cause::kEnded) limits_.before_kill();
    kill_process(first_);
    kill_process(bwrap_);
    const bool bwrap_is_gone = is_gone(bwrap_, kPatienceMs);
    read_all();
    find_first();  // it may have said so in its last moment
    kill_process(first_);
    if (!is_gone(first_, kPatienceMs) || !bwrap_is_gone) {
      return fail("sandbox: process {} does not die", pid_);
    }
    read_all();
    ::waitpid(pid_, nullptr, 0);
    result_.seconds = seconds_since(start_);
    return std::move(result_);
  }

 private:
  /// Waits for news once; true when the run is over.
  bool step() {
    const double left = limits_.seconds - seconds_since(start_);
    if (left <= 0) return over(Watched::Cause::kTimeout);
    if (!bwrap_) return over(Watched::Cause::kEnded);
    std::array<pollfd, 4> polls{};
    for (size_t i = 0; i < 3; ++i) polls[i] = {pipes_[i].get(), POLLIN, 0};
    polls[3] = {bwrap_.get(), POLLIN, 0};
    int wait_ms = static_cast<int>(left * 1000) + 1;
    if (limits_.memory_bytes > 0) wait_ms = std::min(wait_ms, kSampleMs);
    if (::poll(polls.data(), polls.size(), wait_ms) < 0 && errno != EINTR) {
      return over(Watched::Cause::kEnded);
    }
    read_all();
    find_first();
    if (is_flooded_) return over(Watched::Cause::kOutput);
    if (limits_.memory_bytes > 0 && first_pid_ > 0 &&
        resident_bytes(first_pid_) > limits_.memory_bytes) {
      return over(Watched::Cause::kMemory);
    }
    return polls[3].revents != 0;
  }

  bool over(Watched::Cause cause) {
    result_.cause = cause;
    return true;
  }

  void read_all() {
    std::string* const texts[] = {&result_.out, &result_.err, &result_.status};
    for (size_t i = 0; i < 3; ++i) {
      const size_t most = i == 2 ? 65536 : limits_.output_bytes;
      if (pipes_[i] && !read_pipe(pipes_[i], *texts[i], most)) pipes_[i].reset();
    }
  }

  /// False at the end of the pipe, or when more came than may.
  bool read_pipe(const Fd& pipe, std::string& text, size_t most) {
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t n = ::read(pipe.get(), buffer.data(), buffer.size());
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      if (n == 0) return false;
      const size_t room = most - text.size();
      text.append(buffer.data(), std::min(room, static_cast<size_t>(n)));
      if (static_cast<size_t>(n) > room) {
        is_flooded_ = true;
        return false;
      }
    }
  }

  /// The jail's first process, from {"child-pid": N; when it dies, all of the jail die.
  bool find_first() {
    static constexpr char kKey[] = "\"child-pid\": ";
    if (first_pid_ > 0) return true;
    const size_t at = result_.status.find(kKey);
    if (at == std::string::npos || result_.status.find_first_of(",}\n", at) == std::string::npos) {
      return false;
    }
    first_pid_ = std::atoi(result_.status.c_str() + at + sizeof(kKey) - 1);
    if (first_pid_ > 1) first_ = open_process(first_pid_);
    return true;
  }

  const Clock::time_point start_ = Clock::now();
  pid_t pid_;
  WatchLimits limits_;
  Fd bwrap_, first_;
  pid_t first_pid_ = 0;
  std::array<Fd, 3> pipes_;
  bool is_flooded_ = false;
  Watched result_;
};

}  // namespace

Result<Watched> watch_jail(pid_t pid, Fd out, Fd err, Fd status, const WatchLimits& limits) {
  return Watch(pid, std::move(out), std::move(err), std::move(status), limits).run();
}

}  // namespace r1
