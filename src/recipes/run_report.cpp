#include "recipes/run_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/parting.h"

namespace r1 {
namespace {

using Lines = std::vector<std::pair<int64_t, Metrics>>;
using Json = nlohmann::json;

constexpr size_t kSamplesShown = 8, kPromptColumns = 400, kConfigBytes = 16384;
constexpr size_t kMetricsListed = 200;

struct Span {
  double first = 0, last = 0, low = 0, high = 0;
};

struct NamedValues {
  std::string name;
  std::vector<double> values;  // finite ones
};

std::vector<NamedValues> values_of(const Lines& lines) {
  std::vector<NamedValues> all;
  std::map<std::string, size_t> index;
  for (const auto& [step, metrics] : lines) {
    for (const auto& [name, value] : metrics) {
      const auto [it, is_new] = index.emplace(name, all.size());
      if (is_new) all.push_back({name, {}});
      if (std::isfinite(value)) all[it->second].values.push_back(value);
    }
  }
  return all;
}

/// Begin and end of a noisy metric: means of five values where there are enough.
Span ends_of(const std::vector<double>& values) {
  const size_t n = values.size() >= 10 ? 5 : 1;
  Span ends;
  for (size_t i = 0; i < n; ++i)
    ends.first += values[i], ends.last += values[values.size() - 1 - i];
  ends.first /= static_cast<double>(n), ends.last /= static_cast<double>(n);
  return ends;
}

std::vector<Headline> run_headlines(const std::vector<NamedValues>& all) {
  const auto find = [&](std::string_view name) {
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.name == name; });
    return it == all.end() || it->values.empty() ? nullptr : &it->values;
  };
  std::vector<Headline> headlines;
  const auto add = [&](std::string_view name, const char* label, auto text) {
    const std::vector<double>* values = find(name);
    if (!values) return;
    const Span ends = ends_of(*values);
    headlines.push_back(
        {text(ends.first) + " → " + text(ends.last), label,
         values->size() >= 10 ? "means of the first and last 5 values" : "first and last value"});
  };
  add("eval/pass@1", "pass@1, held out", [](double v) { return percent_text(v, 1); });
  add("reward", "reward", compact_text);
  if (!find("reward")) add("loss", "loss", compact_text);  // in RL it says nothing about progress
  add("completions/mean_length", "length, tokens", compact_text);
  add("entropy", "entropy, nats a token", compact_text);
  return headlines;
}

std::string metric_table(const std::vector<NamedValues>& all) {
  if (all.empty()) return "";
  std::string html =
      "<details>\n<summary>All metrics as numbers</summary>\n<div class=\"scroll\" role=\"region\" "
      "aria-label=\"All metrics\" tabindex=\"0\">\n<table>\n<caption>First, last, lowest and "
      "highest "
      "value of each metric</caption>\n<thead><tr><th scope=\"col\">metric</th><th "
      "scope=\"col\">first</th><th scope=\"col\">last</th><th scope=\"col\">lowest</th><th "
      "scope=\"col\">highest</th></tr></thead>\n<tbody>\n";
  for (size_t i = 0; i < all.size() && i < kMetricsListed; ++i) {
    const auto& values = all[i].values;
    Span s{NAN, NAN, NAN, NAN};
    if (!values.empty()) {
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      s = {values.front(), values.back(), *low, *high};
    }
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escape_html(all[i].name), compact_text(s.first), compact_text(s.last), compact_text(s.low),
        compact_text(s.high));
  }
  return html + "</tbody>\n</table>\n</div>\n</details>\n";
}

std::string sample_cards(const std::vector<RunSample>& samples) {
  std::string html;
  const size_t begin = samples.size() - std::min(samples.size(), kSamplesShown);
  for (size_t i = samples.size(); i-- > begin;) {
    const RunSample& s = samples[i];
    html += "<article class=\"card\">\n<h3>" + escape_html(cut_text(s.prompt, kPromptColumns));
    if (!s.answer.empty())
      html += " <span>→ " + escape_html(cut_text(s.answer, kPromptColumns)) + "</span>";
    html +=
        fmt::format("</h3>\n<div class=\"answers\"><div><p class=\"when\"><b>step {}</b>", s.step);
    if (std::isfinite(s.reward)) html += "<span>reward " + compact_text(s.reward) + "</span>";
    if (std::isfinite(s.advantage)) {
      html += fmt::format("<span class=\"mark {}\">advantage {}{}</span>",
                          s.advantage > 0 ? "right" : "wrong", s.advantage > 0 ? "+" : "",
                          compact_text(s.advantage));
    }
    html += "</p>\n" + answer_text(s.completion) + "</div></div>\n</article>\n";
  }
  return html;
}

/// A sentence and a chart for each reward that the run watched.
std::string parting_body(const std::vector<PartingReport>& reports) {
  std::string html;
  for (const PartingReport& report : reports) {
    html += "<p>" + escape_html(report.text) + "</p>\n" + chart_grid({report.chart});
  }
  return html;
}

std::string config_text(const std::string& config) {
  if (config.empty()) return "";
  const bool is_long = config.size() > kConfigBytes;
  return "<details>\n<summary>config.toml</summary>\n<div class=\"scroll\" role=\"region\" "
         "aria-label=\"config.toml\" tabindex=\"0\"><pre>" +
         escape_html(config.substr(0, kConfigBytes)) + (is_long ? "\n…" : "") +
         "</pre></div>\n</details>\n";
}

double number_or_nan(const Json& line, const char* key) {
  const auto it = line.find(key);
  return it != line.end() && it->is_number() ? it->get<double>()
                                             : std::numeric_limits<double>::quiet_NaN();
}

std::string text_or_empty(const Json& line, const char* key) {
  const auto it = line.find(key);
  return it != line.end() && it->is_string() ? it->get<std::string>() : "";
}

Result<RunSample> parse_sample(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return fail("not a JSON object");
  const auto step = line.find("step"), completion = line.find("completion");
  if (step == line.end() || !step->is_number_integer()) return fail("'step' takes a whole number");
  if (completion == line.end() || !completion->is_string()) return fail("'completion' takes text");
  return RunSample{step->get<int64_t>(),           text_or_empty(line, "prompt"),
                   completion->get<std::string>(), text_or_empty(line, "answer"),
                   number_or_nan(line, "reward"),  number_or_nan(line, "advantage")};
}

/// Where the last n whole lines begin; the text ends with a newline or is empty.
size_t start_of_last_lines(std::string_view text, size_t n) {
  size_t at = text.size();
  for (size_t i = 0; i < n && at > 0; ++i) {
    const size_t newline = at < 2 ? std::string_view::npos : text.rfind('\n', at - 2);
    at = newline == std::string_view::npos ? 0 : newline + 1;
  }
  return at;
}

}  // namespace

Result<std::vector<RunSample>> read_samples(const Path& run, size_t n) {
  const Path path = run / "samples.jsonl";
  std::error_code ignored;
  std::vector<RunSample> samples;
  if (!std::filesystem::exists(path, ignored)) return samples;
  R1_TRY(const MappedFile file, MappedFile::open(path));
  std::string_view text = file.text();
  text = text.substr(0, text.rfind('\n') + 1);  // a line is whole when its newline is there
  for (size_t at = start_of_last_lines(text, n); at < text.size();) {
    const size_t end = text.find('\n', at);
    auto sample = parse_sample(text.substr(at, end - at));
    if (!sample) {
      const auto line =
          1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      return fail("{}: line {}: {}; mend or delete the line", path.string(), line,
                  sample.error().message);
    }
    samples.push_back(std::move(*sample));
    at = end + 1;
  }
  return samples;
}

Result<RunReport> read_run_report(const Path& run) {
  RunReport report;
  report.title =
      run.has_filename() ? run.filename().string() : run.parent_path().filename().string();
  R1_TRY(report.metrics, read_metrics(run));
  R1_TRY(report.samples, read_samples(run, kSamplesShown));
  R1_TRY(report.loads, read_loads(run));
  R1_TRY(report.watched, read_watched(run));
  std::error_code ignored;
  if (std::filesystem::exists(run / "timing" / "metrics.jsonl", ignored)) {
    R1_TRY(report.timing, read_metrics(run / "timing"));
  }
  if (std::filesystem::exists(run / "config.toml", ignored)) {
    R1_TRY(report.config, read_text(run / "config.toml"));
  }
  return report;
}

std::string render_run_report(const RunReport& report) {
  std::vector<Chart> charts = metric_charts(report.metrics);
  for (Chart& chart : metric_charts(report.timing)) charts.push_back(std::move(chart));
  const std::vector<NamedValues> values = values_of(report.metrics);
  std::string curves = chart_grid(charts) + metric_table(values);
  if (curves.empty()) curves = "<p>No metrics yet.</p>\n";
  return open_page(report.title, report.subtitle, report.machine, report.command) +
         headline_strip(run_headlines(values)) +
         section("parting", "Learned and watched rewards",
                 parting_body(report_partings(report.metrics, report.config))) +
         section("curves", "Curves", curves) +
         section("emergence", "Watching reasoning emerge",
                 chart_grid(emergence_charts(report.metrics)) + watched_browser(report.watched)) +
         section("experts", "Experts", expert_maps(report.loads)) +
         section("samples", "Latest samples", sample_cards(report.samples)) +
         section("facts", "What ran", fact_list(report.facts) + config_text(report.config)) +
         close_page();
}

Result<Path> write_run_report(const Path& run, const std::string& command) {
  R1_TRY(RunReport report, read_run_report(run));
  report.command = command;
  const Path page = run / "report.html";
  R1_RETURN_IF_ERROR(write_text_atomic(page, render_run_report(report)));
  return page;
}

}  // namespace r1
