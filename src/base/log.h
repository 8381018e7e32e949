// Messages for people, on standard error: one line is one event. Progress bars go to a terminal
// only.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"

namespace r1 {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kQuiet };
void set_log_level(LogLevel level);

void log_text(LogLevel level, const std::string& text);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_text(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_text(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
}

/// Seconds since it was made.
class Timer {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// One line that redraws itself on a terminal (at most ten times a second); elsewhere a plain line
/// now and then, so that a log file shows that the work goes on.
class Progress {
 public:
  /// total: number of steps, 0 when unknown.
  Progress(std::string title, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;

  /// done: steps so far; note: what a person wants to see beside the bar.
  void update(int64_t done, const std::string& note);
  void finish();

 private:
  void draw(const std::string& line, bool last);
  std::string title_;
  int64_t total_, first_ = -1, done_ = 0;
  std::string note_;
  Timer timer_;
  double drawn_ = -1e9;
  int64_t drawn_done_ = -1;
  bool terminal_, finished_ = false;
  size_t width_ = 0;
};

std::string human_bytes(double bytes);      // 1.5 GiB
std::string human_count(double n);          // 339k, 1.2M
std::string human_seconds(double seconds);  // 2m 05s

}  // namespace r1
