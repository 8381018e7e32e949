// A program that runs beside ours: started, spoken to line by line with a deadline, and stopped.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace r1 {

using Deadline = std::chrono::steady_clock::time_point;

/// Leads a process group of its own, which ends with this object. One thread at a time.
class Child {
 public:
  static Result<Child> start(const std::vector<std::string>& command);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  /// Sends a line and waits for the reply, a line of at most max_bytes. After an error the child is
  /// of no further use.
  Result<std::string> ask(const std::string& line, size_t max_bytes, Deadline deadline);

 private:
  Child() = default;
  Result<void> wait(bool to_write, Deadline deadline);
  Result<void> take_reply(size_t max_bytes);
  void take_errors();
  std::string last_errors();

  pid_t pid_ = -1;
  int talk_ = -1, errors_ = -1;
  std::string reply_, stderr_;
};

}  // namespace r1
