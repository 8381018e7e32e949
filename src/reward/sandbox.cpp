#include "reward/sandbox.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "base/thread_pool.h"
#include "reward/sandbox_filter.h"
#include "reward/sandbox_memory.h"
#include "reward/sandbox_process.h"

namespace r1 {
namespace {

constexpr int kNobody = 65534;
// Address space beyond the memory limit: runtimes reserve more than they use.
constexpr rlim_t kSpareAddresses = rlim_t{512} << 20;

std::string find_program(const std::string& name) {
  if (name.find('/') != name.npos) return name;
  const char* path = std::getenv("PATH");
  std::string folders = path ? path : "/usr/bin:/bin";
  for (size_t begin = 0; begin <= folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string file = folders.substr(begin, end - begin) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    begin = end + 1;
  }
  return "";
}

bool is_mapped(uid_t first, int n) {
  std::ifstream in("/proc/self/uid_map");
  for (uint64_t inside = 0, outside = 0, count = 0; in >> inside >> outside >> count;) {
    if (first >= inside && first + static_cast<uint64_t>(n) <= inside + count) return true;
  }
  return false;
}

/// The first of n user ids that nobody has: root in a jail of root is not jailed.
uid_t unused_uid(int n) {
  for (const uid_t first : {uid_t{200001}, uid_t{61001}}) {
    bool is_free = is_mapped(first, n);
    for (int i = 0; is_free && i < n; ++i)
      is_free = ::getpwuid(first + static_cast<uid_t>(i)) == nullptr;
    if (is_free) return first;
  }
  return 0;
}

/// A link where the system has a link (merged /usr), else the folder itself.
void add_system_folder(std::vector<std::string>& args, const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  if (!error) {
    args.insert(args.end(), {"--symlink", target.string(), path});
  } else if (std::filesystem::is_directory(path, error)) {
    args.insert(args.end(), {"--ro-bind", path, path});
  }
}

std::vector<std::string> jail_arguments(const SandboxTask& task) {
  const std::string size = std::to_string(static_cast<int64_t>(task.limits.disk_mb) << 20);
  const std::string nobody = std::to_string(kNobody);
  std::vector<std::string> args = {"--unshare-all", "--unshare-user", "--uid",
                                   nobody,          "--gid",          nobody,
                                   "--hostname",    "jail",           "--die-with-parent",
                                   "--new-session", "--cap-drop",     "ALL",
                                   "--ro-bind",     "/usr",           "/usr"};
  for (const char* folder : {"/lib", "/lib64", "/bin", "/sbin"}) add_system_folder(args, folder);
  if (task.with_proc) {  // without its switches: on new kernels even nobody may turn some
    args.insert(args.end(), {"--proc", "/proc", "--size", "4096", "--tmpfs", "/proc/sys",
                             "--remount-ro", "/proc/sys"});
  }
  args.insert(args.end(), {"--dev", "/dev", "--perms", "1777", "--size", size, "--tmpfs",
                           "/dev/shm", "--remount-ro", "/dev", "--perms", "1777", "--size", size,
                           "--tmpfs", "/tmp", "--chdir", "/tmp"});
  return args;
}

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail("sandbox: too many open files; raise ulimit -n");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Ending ending_of(Watched::Cause cause) {
  switch (cause) {
    case Watched::Cause::kTimeout:
      return Ending::kTimeout;
    case Watched::Cause::kOutput:
      return Ending::kOutput;
    case Watched::Cause::kMemory:
      return Ending::kMemory;
    case Watched::Cause::kEnded:
      break;
  }
  return Ending::kExited;
}

std::string remedy(const std::string& cause) {
  return fmt::format(
      "the sandbox cannot isolate programs here, and nothing runs without it: {}. Install "
      "bubblewrap (apt-get install bubblewrap) and allow user namespaces: on the machine itself "
      "sysctl user.max_user_namespaces=10000, kernel.unprivileged_userns_clone=1 (Debian) or "
      "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); in a container start it with "
      "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, or --privileged",
      cause);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// What the jail must say of itself: its namespaces, then uid, capabilities and filter.
constexpr char kProbe[] =
    "readlink /proc/self/ns/user /proc/self/ns/pid /proc/self/ns/mnt /proc/self/ns/net "
    "/proc/self/ns/ipc && exec grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/self/status";

/// Empty when the jail's answer shows isolation, else what is missing.
std::string missing_isolation(const std::string& answer) {
  for (const char* name : {"user", "pid", "mnt", "net", "ipc"}) {
    std::error_code error;
    const auto ours = std::filesystem::read_symlink(std::string("/proc/self/ns/") + name, error);
    if (answer.find(std::string(name) + ":[") == answer.npos ||
        (!error && answer.find(ours.string()) != answer.npos)) {
      return fmt::format("it has no {} namespace of its own", name);
    }
  }
  for (const std::string line :
       {"Uid:\t65534\t65534", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"}) {
    if (answer.find(line) == answer.npos) return "its status lacks " + line;
  }
  return "";
}

}  // namespace

struct Sandbox::State {
  std::string bwrap, filter;
  uid_t first_uid = 0;  // 0: not root, we stay who we are
  CgroupPlace cgroups;
  std::mutex mutex;
  std::condition_variable slot_is_free;
  std::vector<int> free_slots;
  int n_slots = 0;
  std::atomic<int64_t> n_runs{0};

  int take_slot() {
    std::unique_lock lock(mutex);
    slot_is_free.wait(lock, [&] { return !free_slots.empty(); });
    const int slot = free_slots.back();
    free_slots.pop_back();
    return slot;
  }
  void give_slot(int slot) {
    const std::scoped_lock lock(mutex);
    free_slots.push_back(slot);
    slot_is_free.notify_one();
  }

  Result<SandboxRun> run_in_slot(const SandboxTask& task, int slot);
  Result<ProcessStart> prepare(const SandboxTask& task, int slot, std::vector<Fd>& files) const;
  std::optional<Cgroup> make_cgroup(const SandboxLimits& limits);
};

std::optional<Cgroup> Sandbox::State::make_cgroup(const SandboxLimits& limits) {
  const std::string name = fmt::format("r1-{}-{}", ::getpid(), n_runs.fetch_add(1));
  // Two of bubblewrap's own processes are in it, and dead ones count for a while.
  return Cgroup::create(cgroups, name, limits.memory_mb, limits.processes + 16);
}

Result<ProcessStart> Sandbox::State::prepare(const SandboxTask& task, int slot,
                                             std::vector<Fd>& files) const {
  CHECK(!task.command.empty() && task.files.size() < 64);
  ProcessStart start;
  start.argv = jail_arguments(task);
  start.argv.insert(start.argv.begin(), bwrap);
  start.environment = {"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "PYTHONHASHSEED=0"};
  const auto hand_over = [&](const std::string& content) -> Result<int> {
    R1_TRY(Fd file, sealed_file(content));
    files.push_back(std::move(file));
    const int number = 3 + static_cast<int>(files.size());  // 3 is the status pipe
    start.fds.emplace_back(files.back().get(), number);
    return number;
  };
  for (const SandboxFile& file : task.files) {
    R1_TRY(const int number, hand_over(file.content));
    start.argv.insert(start.argv.end(), {"--perms", file.executable ? "0555" : "0444",
                                         "--ro-bind-data", std::to_string(number), file.path});
  }
  R1_TRY(const int number, hand_over(filter));
  start.argv.insert(start.argv.end(),
                    {"--remount-ro", "/", "--seccomp", std::to_string(number), "--json-status-fd",
                     "3", "--", "/usr/bin/sh", "-c",
                     // counted inside: outside, all of this user's would count
                     fmt::format("ulimit -p {}; exec \"$@\"", task.limits.processes), "sh"});
  start.argv.insert(start.argv.end(), task.command.begin(), task.command.end());
  R1_TRY(Fd input, sealed_file(task.input));
  files.push_back(std::move(input));
  start.fds.emplace_back(files.back().get(), 0);
  const rlim_t memory = static_cast<rlim_t>(task.limits.memory_mb) << 20;
  const rlim_t disk = static_cast<rlim_t>(task.limits.disk_mb) << 20;
  start.limits = {{RLIMIT_AS, memory + kSpareAddresses},
                  {RLIMIT_CPU, static_cast<rlim_t>(std::ceil(task.limits.seconds)) + 1},
                  {RLIMIT_FSIZE, disk},
                  {RLIMIT_NOFILE, 256},
                  {RLIMIT_STACK, rlim_t{64} << 20},
                  {RLIMIT_MEMLOCK, 0},
                  {RLIMIT_CORE, 0}};
  if (first_uid != 0) start.uid = first_uid + static_cast<uid_t>(slot);
  return start;
}

Result<SandboxRun> Sandbox::State::run_in_slot(const SandboxTask& task, int slot) {
  std::vector<Fd> files;
  R1_TRY(ProcessStart start, prepare(task, slot, files));
  R1_TRY(Pipe out, make_pipe());
  R1_TRY(Pipe err, make_pipe());
  R1_TRY(Pipe status, make_pipe());
  start.fds.insert(start.fds.end(),
                   {{out.write.get(), 1}, {err.write.get(), 2}, {status.write.get(), 3}});
  const std::optional<Cgroup> cgroup = make_cgroup(task.limits);
  if (cgroup) start.doors = cgroup->doors();
  R1_TRY(const pid_t pid, start_process(start));
  for (Fd* end : {&out.write, &err.write, &status.write}) end->reset();
  WatchLimits limits{task.limits.seconds, static_cast<size_t>(task.limits.output_kb) << 10,
                     cgroup ? 0 : static_cast<int64_t>(task.limits.memory_mb) << 20};
  if (cgroup) limits.before_kill = [&cgroup] { cgroup->hurry(); };
  R1_TRY(Watched watched,
         watch_jail(pid, std::move(out.read), std::move(err.read), std::move(status.read), limits));
  SandboxRun run{ending_of(watched.cause), 137, std::move(watched.out), std::move(watched.err),
                 watched.seconds};
  if (cgroup && cgroup->out_of_memory()) run.ending = Ending::kMemory;
  static constexpr std::string_view kExit = "\"exit-code\": ";
  const size_t exit = watched.status.find(kExit);
  if (exit != std::string::npos) {
    run.status = std::atoi(watched.status.c_str() + exit + kExit.size());
  } else if (run.ending == Ending::kExited) {
    return fail("the sandbox could not build its jail: {}",
                run.err.empty() ? "no reason was given" : first_line(run.err));
  }
  return run;
}

std::string describe_ending(const SandboxRun& run, const SandboxLimits& limits) {
  switch (run.ending) {
    case Ending::kTimeout:
      return fmt::format("time limit of {} s", limits.seconds);
    case Ending::kMemory:
      return fmt::format("memory limit of {} MB", limits.memory_mb);
    case Ending::kOutput:
      return fmt::format("output limit of {} kB", limits.output_kb);
    case Ending::kExited:
      break;
  }
  return run.status > 128 ? fmt::format("killed by signal {}", run.status - 128)
                          : fmt::format("exit status {}", run.status);
}

Result<Sandbox> Sandbox::open(const SandboxConfig& config) {
  if (config.slots < 0 || config.slots > 1024) {
    return fail("sandbox: slots {} is not within 0 … 1024", config.slots);
  }
  auto state = std::make_unique<State>();
  state->bwrap = find_program(config.bwrap);
  if (state->bwrap.empty()) {
    return fail("{}", remedy(fmt::format("there is no program '{}'", config.bwrap)));
  }
  state->n_slots = config.slots > 0 ? config.slots : usable_cores();
  for (int slot = state->n_slots; slot > 0; --slot) state->free_slots.push_back(slot - 1);
  if (::geteuid() == 0) {
    state->first_uid = unused_uid(state->n_slots);
    if (state->first_uid == 0) {
      return fail("{}", remedy("root has no unused user id to give; run as an ordinary user"));
    }
  }
  R1_TRY(state->filter, sandbox_filter());
  if (config.cgroup) state->cgroups = CgroupPlace::detect();
  Sandbox sandbox(std::move(state));
  SandboxTask probe;
  probe.command = {"/usr/bin/sh", "-c", kProbe};
  probe.limits.seconds = 20;  // a busy machine is no reason to refuse
  const auto run = sandbox.run(probe);
  if (!run) return fail("{}", remedy(run.error().message));
  if (!run->ok()) {
    return fail(
        "{}", remedy(fmt::format("the probe ended with {}: {}", describe_ending(*run, probe.limits),
                                 first_line(run->err))));
  }
  const std::string missing = missing_isolation(run->out);
  if (!missing.empty()) return fail("{}", remedy("a jail was built, but " + missing));
  return sandbox;
}

Sandbox::Sandbox(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sandbox::~Sandbox() = default;
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;

Result<SandboxRun> Sandbox::run(const SandboxTask& task) const {
  const int slot = state_->take_slot();
  auto run = state_->run_in_slot(task, slot);
  state_->give_slot(slot);
  return run;
}

int Sandbox::slots() const { return state_->n_slots; }

std::string Sandbox::description() const {
  const std::string who =
      state_->first_uid ? fmt::format("user ids from {}", state_->first_uid) : "the user's own id";
  const std::string memory = state_->cgroups.version
                                 ? fmt::format("memory by cgroup v{}", state_->cgroups.version)
                                 : "memory by sampling";
  return fmt::format("{} slots, {}, {}", state_->n_slots, who, memory);
}

}  // namespace r1
