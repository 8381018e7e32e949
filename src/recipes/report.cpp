#include "recipes/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "recipes/html.h"

namespace r1 {
namespace {

using Cells = std::array<std::string, 10>;

const Cells kHeader = {"stage",  "pass@1", "cons@16", "pass@16", "length",
                       "format", "cut",    "steps",   "tokens",  "time"};

std::string rate_with_error(double rate, double error) {
  if (!std::isfinite(rate)) return percent_text(rate);
  if (!std::isfinite(error)) return fmt::format("{:.1f} %", rate * 100);
  return fmt::format("{:.1f} ± {:.1f} %", rate * 100, error * 100);
}

Cells cells_of(const StageRow& s) {
  return {cut_text(s.name, 32),
          rate_with_error(s.pass_at_1, s.pass_at_1_stderr),
          percent_text(s.cons_at_16),
          percent_text(s.pass_at_16),
          std::isfinite(s.mean_length) ? fmt::format("{:.1f}", s.mean_length) : "–",
          percent_text(s.format_rate),
          percent_text(s.truncated_rate),
          fmt::format("{}", s.steps),
          human_count(static_cast<double>(s.tokens)),
          std::isfinite(s.seconds) ? human_seconds(s.seconds) : "–"};
}

/// Names to the left, numbers to the right; two spaces between columns.
std::string aligned(const Cells& cells, const std::array<size_t, 10>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string pad(widths[i] - text_columns(cells[i]), ' ');
    line += i == 0 ? cells[i] + pad : "  " + pad + cells[i];
  }
  return line;
}

nlohmann::ordered_json stage_json(const StageRow& s) {
  return {{"name", s.name},
          {"pass@1", s.pass_at_1},
          {"pass@1_stderr", s.pass_at_1_stderr},
          {"cons@16", s.cons_at_16},
          {"pass@16", s.pass_at_16},
          {"mean_length", s.mean_length},
          {"format_rate", s.format_rate},
          {"truncated_rate", s.truncated_rate},
          {"steps", s.steps},
          {"tokens", s.tokens},
          {"seconds", s.seconds}};
}

/// Whole percent for a headline; only what is all reads 100, only what is none reads 0.
std::string whole_percent(double share) {
  if (!std::isfinite(share)) return "–";
  const double percent = std::round(share * 100);
  if (share > 0 && share < 1) return fmt::format("{:.0f}", std::clamp(percent, 1.0, 99.0));
  return fmt::format("{:.0f}", percent);
}

std::string arrow(double before, double after) {
  return whole_percent(before) + " → " + whole_percent(after) + " %";
}

}  // namespace

std::vector<Headline> compare_stages(const StageRow& before, const StageRow& after,
                                     double seconds) {
  std::vector<Headline> lines;
  lines.push_back({arrow(before.pass_at_1, after.pass_at_1), "pass@1",
                   "± " + percent_text(after.pass_at_1_stderr) + ", held-out problems"});
  if (before.mean_length > 0 && std::isfinite(after.mean_length)) {
    lines.push_back({fmt::format("×{:.1f}", after.mean_length / before.mean_length),
                     "length of an answer",
                     fmt::format("{:.0f} → {:.0f} tokens", before.mean_length, after.mean_length)});
  }
  lines.push_back(
      {arrow(before.format_rate, after.format_rate), "right format", "thought, then answer"});
  if (std::isfinite(seconds))
    lines.push_back({human_seconds(seconds), "from start to end", "on this machine"});
  return lines;
}

std::string render_terminal_table(const std::vector<StageRow>& stages, bool colour) {
  std::vector<Cells> rows{kHeader};
  double best = -1;
  for (const StageRow& stage : stages) {
    rows.push_back(cells_of(stage));
    if (stage.pass_at_1 > best) best = stage.pass_at_1;
  }
  std::array<size_t, 10> widths{};
  for (const Cells& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], text_columns(row[i]));
  }
  const auto styled = [&](const char* style, const std::string& line) {
    return colour ? std::string(style) + line + "\x1b[0m" : line;
  };
  std::string table = styled("\x1b[2m", aligned(rows[0], widths)) + "\n";
  for (size_t i = 0; i < stages.size(); ++i) {
    const std::string line = aligned(rows[i + 1], widths);
    table += (stages[i].pass_at_1 == best ? styled("\x1b[1;36m", line) : line) + "\n";
  }
  return table;
}

std::string summary_json(const std::vector<StageRow>& stages, const SummaryFields& fields) {
  nlohmann::ordered_json json = {{"seed", fields.seed},
                                 {"machine", fields.machine},
                                 {"version", fields.version},
                                 {"command", fields.command},
                                 {"total_seconds", fields.total_seconds}};
  for (const auto& [name, value] : fields.extra) {
    CHECK(!json.contains(name) && name != "stages", "summary_json: '{}' is taken", name);
    std::visit([&, &key = name](const auto& v) { json[key] = v; }, value);
  }
  json["stages"] = nlohmann::ordered_json::array();
  for (const StageRow& stage : stages) json["stages"].push_back(stage_json(stage));
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace r1
