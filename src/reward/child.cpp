#include "reward/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

extern char** environ;

namespace r1 {
namespace {

constexpr size_t kKeptErrors = 2000;  // bytes at the end of standard error

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

/// Runs the command in its own process group, with both ends of `talk` as its input and output.
int spawn(const std::vector<std::string>& command, int talk, int errors, pid_t& pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, talk, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, talk, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int failed = posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& command) {
  CHECK(!command.empty());
  int talk[2], errors[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) != 0)
    return fail("{}: {}", command[0], std::strerror(errno));
  if (::pipe2(errors, O_CLOEXEC) != 0) {
    const int cause = errno;
    ::close(talk[0]);
    ::close(talk[1]);
    return fail("{}: {}", command[0], std::strerror(cause));
  }
  Child child;
  child.talk_ = talk[0];
  child.errors_ = errors[0];
  for (int fd : {talk[0], errors[0]}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int failed = spawn(command, talk[1], errors[1], child.pid_);
  ::close(talk[1]);
  ::close(errors[1]);
  if (failed == 0) return child;
  child.pid_ = -1;
  return fail("cannot start {}: {}", command[0], std::strerror(failed));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      talk_(std::exchange(other.talk_, -1)),
      errors_(std::exchange(other.errors_, -1)),
      reply_(std::move(other.reply_)),
      stderr_(std::move(other.stderr_)) {}

Child::~Child() {
  close_fd(talk_);
  close_fd(errors_);
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::string> Child::ask(const std::string& line, size_t max_bytes, Deadline deadline) {
  const std::string out = line + "\n";
  for (size_t sent = 0; sent < out.size();) {
    const ssize_t n = ::send(talk_, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      R1_RETURN_IF_ERROR(wait(true, deadline));
      R1_RETURN_IF_ERROR(take_reply(max_bytes));  // it may talk before it has heard all
    } else if (errno != EINTR) {
      return fail("the program ended{}", last_errors());
    }
  }
  size_t end;
  while ((end = reply_.find('\n')) == std::string::npos) {
    R1_RETURN_IF_ERROR(wait(false, deadline));
    R1_RETURN_IF_ERROR(take_reply(max_bytes));
  }
  if (end + 1 != reply_.size()) return fail("more than one line came back{}", last_errors());
  return std::exchange(reply_, {}).substr(0, end);
}

/// Until there is something to read, or room to write; standard error is emptied meanwhile.
Result<void> Child::wait(bool to_write, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail("no reply in time{}", last_errors());
    pollfd fds[] = {{talk_, static_cast<short>(POLLIN | (to_write ? POLLOUT : 0)), 0},
                    {errors_, POLLIN, 0}};  // a closed errors_ is -1, which poll passes over
    const auto ms = static_cast<int>(std::min<int64_t>(left.count(), 1000));
    if (::poll(fds, 2, ms) < 0 && errno != EINTR) return fail("poll: {}", std::strerror(errno));
    if (fds[1].revents != 0) take_errors();
    if (fds[0].revents != 0) return {};
  }
}

Result<void> Child::take_reply(size_t max_bytes) {
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::recv(talk_, buffer, sizeof buffer, 0);
    if (n > 0) {
      reply_.append(buffer, static_cast<size_t>(n));
      if (reply_.size() > max_bytes)
        return fail("the reply has more than {} bytes (max_output)", max_bytes);
      if (std::memchr(buffer, '\n', static_cast<size_t>(n))) return {};
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      return fail("the program ended{}", last_errors());
    } else if (errno == EAGAIN) {
      return {};
    }
  }
}

void Child::take_errors() {
  char buffer[1 << 14];
  for (;;) {
    const ssize_t n = ::read(errors_, buffer, sizeof buffer);
    if (n > 0) {
      stderr_.append(buffer, static_cast<size_t>(n));
      if (stderr_.size() > kKeptErrors) stderr_.erase(0, stderr_.size() - kKeptErrors);
      if (n < static_cast<ssize_t>(sizeof buffer)) return;
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      if (n == 0) close_fd(errors_);
      return;
    }
  }
}

/// ": " and the last line that it wrote to standard error, or "".
std::string Child::last_errors() {
  if (errors_ >= 0) take_errors();
  std::string text = stderr_;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const size_t line = text.rfind('\n');
  if (line != std::string::npos) text.erase(0, line + 1);
  return text.empty() ? "" : ": " + text;
}

}  // namespace r1
