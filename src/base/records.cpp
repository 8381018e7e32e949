#include "base/records.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/field_text.h"
#include "base/io_error.h"
#include "base/tfevents.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kLargestStep = INT64_MAX;

/// Seconds since 1970: for TensorBoard's axis only, never part of a result.
double wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

struct Line {
  int64_t step = 0;
  Metrics metrics;
  std::string_view text;  // without the end of line
};

std::string json_text(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The error reads on from "FILE: line N: ".
Result<Line> parse_line(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail("not a JSON object");
  Line line;
  line.text = text;
  bool has_step = false;
  for (const auto& [name, value] : json.items()) {
    if (name == "step") {
      if (!value.is_number_integer() || value > kLargestStep)
        return fail("'step' takes a whole number");
      line.step = value.get<int64_t>();
      has_step = true;
    } else if (value.is_null()) {
      line.metrics.emplace_back(name, std::numeric_limits<double>::quiet_NaN());
    } else if (value.is_number()) {
      line.metrics.emplace_back(name, value.get<double>());
    } else {
      return fail("'{}' takes a number or null", name);
    }
  }
  if (!has_step) return fail("'step' is missing");
  return line;
}

/// The lines of metrics.jsonl. A last line that is torn (the run was killed in it) is left out; a
/// bad line before the last is an error.
Result<std::vector<Line>> parse_lines(const Path& path, std::string_view text) {
  std::vector<Line> lines;
  for (int64_t n = 1; !text.empty(); ++n) {
    const size_t end = text.find('\n');
    const std::string_view row = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    auto line = parse_line(row);
    if (!line && text.empty()) break;
    if (!line) {
      return fail("{}: line {}: {}; mend or delete the line", path.string(), n,
                  line.error().message);
    }
    lines.push_back(std::move(*line));
  }
  return lines;
}

/// Leaves in metrics.jsonl what an uninterrupted run would have written by resume_step.
Result<void> cut_metrics(const Path& path, int64_t resume_step) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  R1_TRY(const std::string text, read_text(path));
  R1_TRY(const std::vector<Line> lines, parse_lines(path, text));
  std::string kept;
  for (const Line& line : lines) {
    if (line.step <= resume_step) kept.append(line.text).push_back('\n');
  }
  if (kept == text) return {};
  return write_text_atomic(path, kept);
}

/// Makes a new event file, later in name order than those of earlier sittings of the run.
Result<int> create_events(const Path& folder, double now, Path& path) {
  for (int64_t second = static_cast<int64_t>(now);; ++second) {
    path = folder / fmt::format("events.out.tfevents.{}.r1", second);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    if (errno != EEXIST) return io_error("create", path, errno);
  }
}

}  // namespace

Result<Records> Records::open(const Path& run, int64_t resume_step) {
  const Path folder = run / "tensorboard";
  R1_RETURN_IF_ERROR(make_folder(folder));
  Records records;
  records.metrics_path_ = run / "metrics.jsonl";
  R1_RETURN_IF_ERROR(cut_metrics(records.metrics_path_, resume_step));
  records.metrics_ =
      ::open(records.metrics_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (records.metrics_ < 0) return io_error("open", records.metrics_path_, errno);
  const double now = wall_time();
  R1_TRY(records.events_, create_events(folder, now, records.events_path_));
  const std::string start = version_event(now) + start_event(now, resume_step + 1);
  R1_RETURN_IF_ERROR(
      write_all(records.events_, std::as_bytes(std::span(start)), records.events_path_));
  return records;
}

Records::Records(Records&& other) noexcept
    : metrics_(std::exchange(other.metrics_, -1)),
      events_(std::exchange(other.events_, -1)),
      metrics_path_(std::move(other.metrics_path_)),
      events_path_(std::move(other.events_path_)) {}

Records::~Records() {
  if (metrics_ >= 0) ::close(metrics_);
  if (events_ >= 0) ::close(events_);
}

Result<void> Records::add(int64_t step, const Metrics& metrics) {
  std::string line = "{\"step\": " + number_text(step);
  for (const auto& [name, value] : metrics) {
    CHECK(name != "step", "a metric named 'step' would hide the step");
    line += ", " + json_text(name) + ": " + (std::isfinite(value) ? number_text(value) : "null");
  }
  line += "}\n";
  R1_RETURN_IF_ERROR(write_all(metrics_, std::as_bytes(std::span(line)), metrics_path_));
  const std::string event = scalars_event(wall_time(), step, metrics);
  return write_all(events_, std::as_bytes(std::span(event)), events_path_);
}

Result<std::vector<std::pair<int64_t, Metrics>>> read_metrics(const Path& run) {
  const Path path = run / "metrics.jsonl";
  R1_TRY(const std::string text, read_text(path));
  R1_TRY(std::vector<Line> lines, parse_lines(path, text));
  std::vector<std::pair<int64_t, Metrics>> steps;
  for (Line& line : lines) steps.emplace_back(line.step, std::move(line.metrics));
  return steps;
}

}  // namespace r1
