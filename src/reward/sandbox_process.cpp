#include "reward/sandbox_process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace r1 {
namespace {

constexpr int kFirstSpare = 100;  // descriptors up to here may be targets

/// All that the child needs, made before the fork: it shares our memory and may only make calls.
struct Prepared {
  const ProcessStart* start;
  std::vector<char*> argv, environment;
  std::vector<std::pair<int, int>> fds;
  int last_fd = 2;
};

int last_target(const ProcessStart& start) {
  int last = 2;
  for (const auto& fd : start.fds) last = std::max(last, fd.second);
  return last;
}

bool change_user(uid_t uid) {
  // Plain system calls: the library's would change every thread of ours.
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, uid, uid, uid) == 0 &&
         ::syscall(SYS_setresuid, uid, uid, uid) == 0;
}

bool limit_resources(const std::vector<std::pair<int, rlim_t>>& limits) {
  for (const auto& [resource, value] : limits) {
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return false;
    const rlim_t most = now.rlim_max == RLIM_INFINITY ? value : std::min(value, now.rlim_max);
    const rlimit wanted{most, most};
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) != 0) return false;
  }
  return true;
}

[[noreturn]] void become(const Prepared& prepared, int* error) {
  const auto stop = [&] {
    *error = errno;
    ::_exit(127);
  };
  for (int number = 1; number < NSIG; ++number) {  // ignored signals would stay ignored
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int door : prepared.start->doors) {
    if (::write(door, "0", 1) != 1) stop();
  }
  for (const auto& [from, to] : prepared.fds) {
    if (::dup2(from, to) < 0) stop();
  }
  if (::syscall(SYS_close_range, prepared.last_fd + 1, ~0u, 0) != 0) {
    for (int fd = prepared.last_fd + 1; fd < 65536; ++fd) ::close(fd);  // before Linux 5.9
  }
  if (!limit_resources(prepared.start->limits)) stop();
  if (prepared.start->uid != 0 && !change_user(prepared.start->uid)) stop();
  ::execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
  stop();
  __builtin_unreachable();
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Fd> sealed_file(const std::string& content) {
  Fd file(::memfd_create("r1", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return fail("sandbox: no memory file: {}", std::strerror(errno));
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(file.get(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail("sandbox: a memory file cannot be filled: {}", std::strerror(errno));
    done += static_cast<size_t>(n);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return file;
}

Result<pid_t> start_process(const ProcessStart& start) {
  Prepared prepared{
      &start, pointers(start.argv), pointers(start.environment), {}, last_target(start)};
  CHECK(prepared.last_fd < kFirstSpare, "fd {}", prepared.last_fd);
  std::vector<Fd> spares;  // clear of every target, so that no dup2 hides a source
  for (const auto& [from, to] : start.fds) {
    spares.emplace_back(::fcntl(from, F_DUPFD_CLOEXEC, kFirstSpare));
    if (!spares.back()) return fail("sandbox: too many open files; raise ulimit -n");
    prepared.fds.emplace_back(spares.back().get(), to);
  }
  const int dumpable = ::prctl(PR_GET_DUMPABLE);
  sigset_t all, before;  // no handler of ours may run in the child, which shares our memory
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  volatile int error = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) become(prepared, const_cast<int*>(&error));
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // Shared memory: the child's change of user took our right to core dumps and debuggers.
  if (start.uid != 0 && dumpable == 1) ::prctl(PR_SET_DUMPABLE, 1);
  if (pid < 0) return fail("sandbox: no new process: {}", std::strerror(fork_error));
  if (error != 0) {
    ::waitpid(pid, nullptr, 0);
    return fail("sandbox: {} does not start: {}", start.argv[0], std::strerror(error));
  }
  return pid;
}

}  // namespace r1
