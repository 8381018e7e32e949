#include "recipes/claims.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/run_report.h"

namespace r1 {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Result<Trial> run_trial(const ClaimsConfig& config, const Path& folder, const Variant& variant,
                        uint64_t seed) {
  PretrainConfig c = config.base;
  c.train.output_dir = folder.string();
  c.train.seed = seed;
  c.train.max_steps = config.steps;
  c.train.save_steps = 0;
  c.gate.enabled = false;  // equal budgets
  variant.change(c);
  if (!config.resume || !std::filesystem::exists(folder / "final" / "config.json")) {
    c.train.overwrite = true;
    auto done = pretrain(c);
    if (!done) return fail_with(done.error().with(folder.string()));
    R1_TRY([[maybe_unused]] const Path page, write_run_report(folder, ""));
  }
  R1_TRY(RunReport report, read_run_report(folder));
  return Trial{seed, folder, std::move(report.metrics)};
}

}  // namespace

double Trial::tail_mean(const std::string& name, double share) const {
  const auto points = series(name);
  if (points.empty()) return kNone;
  const size_t n = std::max<size_t>(1, static_cast<size_t>(share * points.size()));
  double sum = 0;
  for (size_t i = points.size() - n; i < points.size(); ++i) sum += points[i].second;
  return sum / static_cast<double>(n);
}

Spread spread_of(const std::vector<double>& values) {
  Spread s;
  const double n = static_cast<double>(values.size());
  for (double v : values) s.mean += v / n;
  for (double v : values) s.deviation += (v - s.mean) * (v - s.mean);
  s.deviation = values.size() > 1 ? std::sqrt(s.deviation / (n - 1)) : 0;
  return s;
}

std::string Spread::text(int decimals) const {
  return fmt::format("{:.{}f} ± {:.{}f}", mean, decimals, deviation, decimals);
}

std::vector<double> smoothed(const std::vector<double>& values, double keep) {
  std::vector<double> s = values;
  for (size_t i = 1; i < s.size(); ++i) s[i] = keep * s[i - 1] + (1 - keep) * values[i];
  return s;
}

Result<std::vector<std::vector<Trial>>> run_trials(const ClaimsConfig& config,
                                                   const std::string& claim,
                                                   const std::vector<Variant>& variants) {
  if (config.seeds < 1) return fail("seeds is {}; it must be at least 1", config.seeds);
  std::vector<std::vector<Trial>> trials(variants.size());
  for (int i = 0; i < config.seeds; ++i) {
    for (size_t v = 0; v < variants.size(); ++v) {
      const uint64_t seed = config.first_seed + static_cast<uint64_t>(i);
      const std::string run = fmt::format("{}-{}", variants[v].name, seed);
      log_info("claim {}: {}", claim, run);
      R1_TRY(Trial trial,
             run_trial(config, Path(config.output_dir) / claim / run, variants[v], seed));
      trials[v].push_back(std::move(trial));
    }
  }
  return trials;
}

std::vector<std::vector<std::string>> spread_rows(
    const std::vector<std::string>& names,
    const std::vector<std::vector<std::vector<double>>>& numbers, int decimals) {
  std::vector<std::vector<std::string>> rows;
  for (size_t v = 0; v < names.size(); ++v) {
    std::vector<std::string> row{names[v]};
    for (size_t column = 0; column < numbers[v][0].size(); ++column) {
      std::vector<double> values;
      for (const auto& of_seed : numbers[v]) values.push_back(of_seed[column]);
      row.push_back(spread_of(values).text(decimals));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Chart compare_series(const std::string& title, const std::string& metric,
                     const std::string& y_label, const std::vector<Variant>& variants,
                     const std::vector<std::vector<Trial>>& trials) {
  constexpr double kKeep = 0.9;
  Chart chart{.title = title, .x_label = "step", .y_label = y_label};
  for (size_t v = 0; v < variants.size(); ++v) {
    Series mean{.name = variants[v].name};
    for (const Trial& trial : trials[v]) {
      const auto points = trial.series(metric);
      if (mean.points.empty()) {
        for (const auto& [x, y] : points) mean.points.emplace_back(x, 0.0);
      }
      std::vector<double> values;
      for (const auto& [x, y] : points) values.push_back(y);
      values = smoothed(values, kKeep);
      for (size_t i = 0; i < std::min(values.size(), mean.points.size()); ++i) {
        mean.points[i].second += values[i] / static_cast<double>(trials[v].size());
      }
    }
    chart.series.push_back(std::move(mean));
  }
  return chart;
}

std::string finding_text(const Finding& finding) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < finding.columns.size(); ++c) {
    size_t width = text_columns(finding.columns[c]);
    for (const auto& row : finding.rows) width = std::max(width, text_columns(row[c]));
    widths.push_back(width);
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text = "  ";
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string gap(widths[c] - text_columns(cells[c]) + 2, ' ');
      if (c == 0) {
        text += cells[c];
        text += gap;
      } else {
        text += gap;
        text += cells[c];
      }
    }
    return text + "\n";
  };
  std::string text = "Claim: " + finding.claim + "\n\n" + line(finding.columns);
  for (const auto& row : finding.rows) text += line(row);
  text += fmt::format("\n{}: {}\n", finding.holds ? "It holds here" : "It does not hold here",
                      finding.verdict);
  for (const std::string& note : finding.notes) text += "  " + note + "\n";
  return text;
}

std::string finding_json(const std::string& name, const Finding& finding) {
  nlohmann::ordered_json json{{"claim", name},
                              {"published", finding.claim},
                              {"holds", finding.holds},
                              {"verdict", finding.verdict},
                              {"columns", finding.columns},
                              {"rows", finding.rows},
                              {"notes", finding.notes}};
  return json.dump(2) + "\n";
}

std::string finding_page(const std::string& name, const Finding& finding,
                         const std::string& command) {
  std::string table =
      "<div class=\"scroll\" role=\"region\" aria-label=\"Results\" tabindex=\"0\">"
      "<table>\n<thead><tr>";
  for (const std::string& column : finding.columns) {
    table += "<th scope=\"col\">" + escape_html(column) + "</th>";
  }
  table += "</tr></thead>\n<tbody>\n";
  for (const auto& row : finding.rows) {
    table += "<tr><th scope=\"row\">" + escape_html(row[0]) + "</th>";
    for (size_t c = 1; c < row.size(); ++c) table += "<td>" + escape_html(row[c]) + "</td>";
    table += "</tr>\n";
  }
  table += "</tbody>\n</table></div>\n";
  std::string words = "<p><b>";
  words += finding.holds ? "It holds here: " : "It does not hold here: ";
  words += "</b>" + escape_html(finding.verdict) + "</p>\n";
  for (const std::string& note : finding.notes) words += "<p>" + escape_html(note) + "</p>\n";
  return open_page("Claim: " + name, finding.claim, "", command) +
         section("verdict", "Verdict", words) + section("table", "Results", table) +
         section("curves", "Curves", chart_grid(finding.charts)) + close_page();
}

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all = {
      {"balance", "experts balanced by a bias, by a loss, or not at all", claim_balance},
      {"mtp", "multi-token prediction: loss, acceptance of drafts, speed", claim_mtp},
      {"fp8", "training in FP8 against bf16, and the variant that failed", claim_fp8},
      {"cache", "latent, grouped and full attention: bytes a token and loss", claim_cache},
      {"context", "a context 16 times as long, with YaRN: needles and programs", claim_context}};
  return all;
}

Result<std::string> try_claim(const std::string& name, const ClaimsConfig& config,
                              const std::string& command) {
  const auto& all = claims();
  const auto claim =
      std::find_if(all.begin(), all.end(), [&](const Claim& c) { return name == c.name; });
  if (claim == all.end()) {
    std::string known;
    for (const Claim& c : all) known += (known.empty() ? "" : ", ") + std::string(c.name);
    return fail("unknown claim '{}'; there are {}", name, known);
  }
  R1_TRY(const Finding finding, claim->run(config));
  const Path folder = Path(config.output_dir) / name;
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "claim.json", finding_json(name, finding)));
  R1_RETURN_IF_ERROR(
      write_text_atomic(folder / "report.html", finding_page(name, finding, command)));
  return finding_text(finding) + "\n  page: " + (folder / "report.html").string() + "\n";
}

}  // namespace r1
