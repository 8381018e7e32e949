#include "base/log.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>

namespace r1 {
namespace {

constexpr double kRedraw = 0.1;      // seconds between redraws of a terminal
constexpr double kPlainLine = 15.0;  // seconds between lines elsewhere
constexpr int kBar = 20;             // characters

std::atomic<LogLevel> log_level{LogLevel::kInfo};
std::mutex output_mutex;      // one line at a time
std::string unfinished_line;  // what a progress bar has on the terminal's last line

void write_stderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

/// Characters of a line, taken as UTF-8 code points.
size_t n_characters(const std::string& line) {
  return static_cast<size_t>(std::count_if(line.begin(), line.end(), starts_character));
}

/// The first n characters of a line.
std::string first_characters(const std::string& line, size_t n) {
  size_t seen = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (starts_character(line[i]) && seen++ == n) return line.substr(0, i);
  }
  return line;
}

std::string bar(double share) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBar);
  return " [" + std::string(filled, '#') + std::string(kBar - filled, '.') + "]";
}

/// What a progress line tells; `first` is where the work began, beyond 0 after a resume.
struct Snapshot {
  const std::string& title;
  int64_t first, done, total;
  double elapsed;
  const std::string& note;
};

std::string progress_line(const Snapshot& at, bool with_bar) {
  std::string line = fmt::format("{} {}", at.title, at.done);
  if (at.total > 0) {
    const double share = static_cast<double>(at.done) / static_cast<double>(at.total);
    line += fmt::format("/{} {:3.0f}%{}", at.total, 100 * share, with_bar ? bar(share) : "");
  }
  if (!at.note.empty()) line += "  " + at.note;
  line += "  " + human_seconds(at.elapsed);
  if (at.done > at.first && at.done < at.total) {
    const double per_step = at.elapsed / static_cast<double>(at.done - at.first);
    line += ", " + human_seconds(per_step * static_cast<double>(at.total - at.done)) + " left";
  }
  return line;
}

/// Divides by step as often as the units allow; a scaled value below 10 keeps one decimal.
std::string scaled(double value, double step, const char* space,
                   const std::array<const char*, 6>& units, bool always_decimal) {
  size_t unit = 0;
  double size = std::abs(value);
  const double rounding = always_decimal ? 0.05 : 0.5;  // 999.6 is 1.0k, not 1000
  while (unit + 1 < units.size() && size >= step - rounding) size /= step, ++unit;
  const bool decimal = unit > 0 && (always_decimal || size < 9.95);
  return fmt::format("{}{:.{}f}{}{}", value < 0 ? "-" : "", size, decimal ? 1 : 0, space,
                     units[unit]);
}

}  // namespace

void set_log_level(LogLevel level) { log_level = level; }

void log_text(LogLevel level, const std::string& text) {
  CHECK(level != LogLevel::kQuiet, "kQuiet is a threshold, not the level of a message");
  if (level < log_level.load()) return;
  const char* prefix = level == LogLevel::kWarn    ? "warning: "
                       : level == LogLevel::kError ? "error: "
                                                   : "";
  const std::lock_guard lock(output_mutex);
  // A bar is wiped, the message takes its line, and the bar comes back below it.
  std::string wipe;
  if (!unfinished_line.empty()) {
    wipe = "\r" + std::string(n_characters(unfinished_line), ' ') + "\r";
  }
  write_stderr(wipe + prefix + text + "\n" + unfinished_line);
}

Progress::Progress(std::string title, int64_t total)
    : title_(std::move(title)), total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {
  if (!terminal_) drawn_ = 0;  // the first plain line comes when there is something to wait for
}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done, const std::string& note) {
  // A first update beyond 1 means a resumed run: what came before was not done in this time.
  if (first_ < 0) first_ = std::max<int64_t>(0, done - 1);
  done_ = done;
  note_ = note;
  const double elapsed = timer_.seconds();
  if (elapsed - drawn_ < (terminal_ ? kRedraw : kPlainLine)) return;
  drawn_ = elapsed;
  drawn_done_ = done_;
  draw(progress_line({title_, first_, done_, total_, elapsed, note_}, terminal_), false);
}

void Progress::finish() {
  if (finished_ || first_ < 0) return;
  finished_ = true;
  if (!terminal_ && drawn_done_ == done_) return;  // said already
  draw(progress_line({title_, first_, done_, total_, timer_.seconds(), note_}, terminal_), true);
}

void Progress::draw(const std::string& line, bool last) {
  if (log_level.load() > LogLevel::kInfo) return;
  const std::lock_guard lock(output_mutex);
  if (!terminal_) return write_stderr(line + "\n");
  const std::string shown = first_characters(line, terminal_columns() - 1);  // never wraps
  const size_t width = n_characters(shown);
  const std::string padding(width_ > width ? width_ - width : 0, ' ');
  write_stderr("\r" + shown + padding + (last ? "\n" : ""));
  width_ = width;
  unfinished_line = last ? "" : shown;
}

std::string human_bytes(double bytes) {
  return scaled(bytes, 1024, " ", {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}, true);
}

std::string human_count(double n) {
  return scaled(n, 1000, "", {"", "k", "M", "B", "T", "Q"}, false);
}

std::string human_seconds(double seconds) {
  if (!(seconds < 1e15)) return "?";  // also NaN: an estimate without a rate
  if (seconds < 9.95) return fmt::format("{:.1f}s", std::max(0.0, seconds));
  const int64_t s = std::llround(seconds);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {:02}h", s / 86400, s / 3600 % 24);
}

}  // namespace r1
