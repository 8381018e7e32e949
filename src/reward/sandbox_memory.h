// How much memory and processor a jail may take: by a cgroup where one can be made; memory else by
// watching.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace r1 {

/// Where groups can be made: version 2, version 1 (two hierarchies), or nowhere.
struct CgroupPlace {
  int version = 0;  // 0: nowhere
  Path memory, pids;
  Path cpu = {};  // version 1: may stay empty

  /// Finds the place by making a group and removing it.
  static CgroupPlace detect();
};

/// One group for one run. Empty when none could be made.
class Cgroup {
 public:
  static std::optional<Cgroup> create(const CgroupPlace& place, const std::string& name,
                                      int memory_mb, int processes);
  ~Cgroup();
  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&&) = delete;

  /// Open files: who writes "0" to each joins.
  const std::vector<int>& doors() const { return doors_; }
  bool out_of_memory() const;
  /// Gives its processes the processor before all others: dying takes time, too.
  void hurry() const;

 private:
  Cgroup() = default;
  int version_ = 0;
  std::vector<Path> folders_;
  std::vector<int> doors_;
};

/// Resident bytes of a process and its descendants.
int64_t resident_bytes(pid_t root);

}  // namespace r1
