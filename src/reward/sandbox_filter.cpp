#include "reward/sandbox_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace r1 {
namespace {

// Looking into or steering other processes, mounts and namespaces, the kernel itself, keys,
// clocks, and memory that no other limit counts (shared segments, message queues, memfd).
constexpr const char* kForbidden[] = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "unshare",
    "setns",
    "name_to_handle_at",
    "open_by_handle_at",
    "keyctl",
    "add_key",
    "request_key",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "syslog",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "fanotify_init",
    "personality",
    "iopl",
    "ioperm",
    "modify_ldt",
    "vhangup",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "migrate_pages",
    "move_pages",
    "mbind",
    "set_mempolicy",
    "lookup_dcookie",
    "uselib",
    "sysfs",
    "nfsservctl",
    "memfd_create",
    "memfd_secret",
    "shmget",
    "msgget",
    "semget",
    "mq_open",
};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW), seccomp_release) {}

  void forbid(const char* name, int error = EPERM) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // newer than this libseccomp
    add(error, number, 0, {});
  }
  void forbid_if(const char* name, int error, scmp_arg_cmp compare) {
    add(error, seccomp_syscall_resolve_name(name), 1, compare);
  }
  bool failed() const { return !context_ || failed_; }
  int write_to(int fd) { return seccomp_export_bpf(context_.get(), fd); }

 private:
  void add(int error, int number, unsigned count, scmp_arg_cmp compare) {
    if (!context_) return;
    const int result = seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(error), number, count,
                                              count ? &compare : nullptr);
    // Calls this architecture lacks are refused by their absence.
    if (result < 0 && result != -EDOM && result != -EINVAL && result != -EFAULT) failed_ = true;
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  bool failed_ = false;
};

}  // namespace

Result<std::string> sandbox_filter() {
  Filter filter;
  for (const char* name : kForbidden) filter.forbid(name);
  filter.forbid("clone3", ENOSYS);  // its flags lie in memory; libc falls back to clone
  filter.forbid_if("clone", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
  filter.forbid_if("ioctl", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI));
  filter.forbid_if("ioctl", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCLINUX));
  filter.forbid_if("socket", EAFNOSUPPORT, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  const int fd = ::memfd_create("filter", MFD_CLOEXEC);
  if (filter.failed() || fd < 0 || filter.write_to(fd) != 0) {
    if (fd >= 0) ::close(fd);
    return fail("sandbox: the seccomp filter cannot be made: {}", std::strerror(errno));
  }
  std::string program(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  const ssize_t n = ::pread(fd, program.data(), program.size(), 0);
  ::close(fd);
  if (n != static_cast<ssize_t>(program.size())) return fail("sandbox: the filter was cut short");
  return program;
}

}  // namespace r1
