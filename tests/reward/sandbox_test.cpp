// The sandbox: what a program sees, the limits, and the refusal where nothing isolates.
#include "reward/sandbox.h"

#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/scratch.h"
#include "reward/sandbox_jail.h"
#include "reward/sandbox_memory.h"

namespace r1 {
namespace {

SandboxRun run(const SandboxTask& task) {
  const auto result = jail()->run(task);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : SandboxRun{};
}

Path fake_bwrap(const Scratch& scratch, const std::string& body) {
  const Path file = scratch / "bwrap";
  std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
  ::chmod(file.c_str(), 0755);
  ::chmod(scratch.path().c_str(), 0755);
  return file;
}

TEST(Sandbox, RefusesWithTheRemedyWithoutBubblewrap) {
  const auto sandbox = Sandbox::open({.bwrap = "no-such-bwrap"});
  ASSERT_FALSE(sandbox);
  EXPECT_NE(sandbox.error().message.find("apt-get install bubblewrap"), std::string::npos);
  EXPECT_NE(sandbox.error().message.find("nothing runs without it"), std::string::npos);
}

TEST(Sandbox, RefusesWhereNamespacesAreForbidden) {
  const Scratch scratch;
  const Path bwrap =
      fake_bwrap(scratch, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
  const auto sandbox = Sandbox::open({.bwrap = bwrap.string()});
  ASSERT_FALSE(sandbox);
  EXPECT_NE(sandbox.error().message.find("No permissions"), std::string::npos);
  EXPECT_NE(sandbox.error().message.find("max_user_namespaces"), std::string::npos);
}

TEST(Sandbox, RefusesABubblewrapThatDoesNotIsolate) {
  const Scratch scratch;
  const Path bwrap = fake_bwrap(scratch,
                                "while [ \"$1\" != -- ]; do shift; done; shift; \"$@\"; r=$?; "
                                "echo '{ \"exit-code\": '$r' }' >&3; exit $r");
  const auto sandbox = Sandbox::open({.bwrap = bwrap.string()});
  ASSERT_FALSE(sandbox);
  EXPECT_NE(sandbox.error().message.find("no user namespace of its own"), std::string::npos)
      << sandbox.error().message;
}

TEST(Sandbox, RefusesSlotsOutOfRange) {
  EXPECT_FALSE(Sandbox::open({.slots = -1}));
  EXPECT_FALSE(Sandbox::open({.slots = 5000}));
}

TEST(Sandbox, PassesInputOutputAndStatus) {
  R1_NEED_JAIL();
  SandboxTask task = shell("cat; echo warn >&2; cat /jail/a; exit 7");
  task.input = std::string(200'000, 'x');
  task.limits.output_kb = 300;
  task.files = {{"/jail/a", "file\n"}};
  const SandboxRun result = run(task);
  EXPECT_EQ(result.out, task.input + "file\n");
  EXPECT_EQ(result.err, "warn\n");
  EXPECT_EQ(result.ending, Ending::kExited);
  EXPECT_EQ(result.status, 7);
}

TEST(Sandbox, AProgramIsNobodyWithFourVariablesAndNoRights) {
  R1_NEED_JAIL();
  const SandboxRun result = run(shell("id -u; env | sort; grep CapEff /proc/self/status; pwd"));
  EXPECT_EQ(result.out,
            "65534\nHOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/bin:/bin\nPWD=/tmp\nPYTHONHASHSEED=0\n"
            "CapEff:\t0000000000000000\n/tmp\n");
}

TEST(Sandbox, OnlyTmpCanBeWritten) {
  R1_NEED_JAIL();
  const SandboxRun result =
      run(shell("for d in / /usr /dev /jail /proc /dev/shm /tmp; do (echo x > $d/f) 2>/dev/null && "
                "echo $d; done"));
  EXPECT_EQ(result.out, "/dev/shm\n/tmp\n");
}

TEST(Sandbox, WithoutProcThereIsNone) {
  R1_NEED_JAIL();
  SandboxTask task = shell("test -e /proc/1 || echo none");
  task.with_proc = false;
  EXPECT_EQ(run(task).out, "none\n");
}

TEST(Sandbox, SaysWhichLimitEndedIt) {
  R1_NEED_JAIL();
  SandboxTask task = shell("while :; do :; done");
  task.limits.seconds = 0.3;
  SandboxRun result = run(task);
  EXPECT_EQ(describe_ending(result, task.limits), "time limit of 0.3 s");
  EXPECT_GE(result.seconds, 0.3);
  task = shell("yes");
  task.limits.output_kb = 8;
  result = run(task);
  EXPECT_EQ(result.ending, Ending::kOutput);
  EXPECT_EQ(result.out.size(), 8192u);
  task = shell("exec /usr/bin/python3 -I -S -c 'x = bytearray(300 << 20); input()'");
  task.limits.memory_mb = 128;
  EXPECT_EQ(run(task).ending, Ending::kMemory);
  EXPECT_EQ(describe_ending(run(shell("kill -11 $$")), {}), "killed by signal 11");
  EXPECT_EQ(describe_ending(run(shell("exit 3")), {}), "exit status 3");
}

TEST(Sandbox, MemoryIsLimitedWithoutACgroupToo) {
  R1_NEED_JAIL();
  const auto sandbox = Sandbox::open({.slots = 1, .cgroup = false});
  ASSERT_TRUE(sandbox) << sandbox.error().message;
  SandboxTask task = shell(
      "exec /usr/bin/python3 -I -S -c 'import os\nfor _ in range(3): os.fork()\n"
      "x = b\"x\" * (40 << 20)\nimport time; time.sleep(5)'");
  task.limits.memory_mb = 128;
  const auto result = sandbox->run(task);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->ending, Ending::kMemory);
}

TEST(Sandbox, WhatIsMissingIsTheProgramsFault) {
  R1_NEED_JAIL();
  SandboxTask task;
  task.command = {"/jail/nothing"};
  task.limits.seconds = 10;
  EXPECT_EQ(run(task).status, 127);
}

TEST(Sandbox, ManyThreadsShareTheSlots) {
  R1_NEED_JAIL();
  std::atomic<int> n_right{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      n_right += run(shell("echo " + std::to_string(i))).out == std::to_string(i) + "\n";
    });
  }
  threads.clear();
  EXPECT_EQ(n_right, 8);
}

TEST(Sandbox, NothingOutlivesItsRun) {
  R1_NEED_JAIL();
  const auto start = std::chrono::steady_clock::now();
  run(shell("(setsid sleep 1000 &) ; (setsid sh -c 'exec >&- 2>&-; sleep 1000' &); echo done"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
  EXPECT_TRUE(nobody_survives());
}

}  // namespace
}  // namespace r1
