// What tests of the sandbox share: one open jail, or the reason to skip; who outlived it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "base/thread_pool.h"
#include "reward/sandbox.h"

namespace r1 {

/// The machine's sandbox; an error where namespaces are forbidden.
inline const Result<Sandbox>& jail() {
  static const Result<Sandbox> sandbox = [] {
    ::setenv("R1_HOST_SECRET", "R1_HOST_SECRET is not for jails", 1);
    return Sandbox::open({.slots = usable_cores()});
  }();
  return sandbox;
}

#define R1_NEED_JAIL() \
  if (!jail()) GTEST_SKIP() << "no isolation here: " << jail().error().message

/// Processes in a process namespace below ours that run as one of our jails' users.
inline int count_jailed() {
  int n = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::ifstream in(entry.path() / "status");
    long uid = -1, numbers = 0;
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      if (name == "Uid:") words >> uid;
      if (name == "NSpid:") {
        for (long number; words >> number;) ++numbers;
      }
    }
    const bool is_ours = ::geteuid() == 0
                             ? (uid > 200000 && uid < 200010) || (uid > 61000 && uid < 61010)
                             : uid == static_cast<long>(::geteuid());
    n += is_ours && numbers > 1;
  }
  return n;
}

/// Other test programs may have jails for a moment; what survives stays.
inline bool nobody_survives() {
  for (int i = 0; i < 200; ++i) {
    if (count_jailed() == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

inline SandboxTask shell(const std::string& command) {
  SandboxTask task;
  task.command = {"/usr/bin/sh", "-c", command};
  task.limits.seconds = 10;  // a busy machine fails no test
  return task;
}

}  // namespace r1
