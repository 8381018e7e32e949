#include "recipes/run_emergence.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "recipes/html.h"
#include "recipes/page.h"

namespace r1 {
namespace {

using Json = nlohmann::json;
using Lines = std::vector<std::pair<int64_t, Metrics>>;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80);
}

/// Escaped, words of reflection marked.
std::string marked(std::string_view text) {
  std::string html;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const bool is_word = is_letter(text[i]);
    while (i < text.size() && is_letter(text[i]) == is_word) ++i;
    const std::string_view piece = text.substr(begin, i - begin);
    const bool is_marked = is_word && !count_reflection_words(piece).empty();
    html += (is_marked ? "<mark>" : "") + escape_html(piece) + (is_marked ? "</mark>" : "");
  }
  return html;
}

/// The thought dim, the rest plain; of a long text the first part.
std::string marked_text(std::string_view text) {
  constexpr size_t kShown = 1600;
  size_t end = std::min(text.size(), kShown);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  const size_t left = text.size() - end;
  text = text.substr(0, end);
  const size_t close = text.find("</think>");
  const bool is_cut = close == std::string_view::npos;
  const size_t thought =
      is_cut ? (text.find("<think>") == std::string_view::npos ? 0 : end) : close + 8;
  std::string html = "<p class=\"text\">";
  html += "<span class=\"thought\">" + marked(text.substr(0, thought)) + "</span>";
  html += marked(text.substr(thought));
  if (left > 0) html += "<span class=\"gap\"> … " + std::to_string(left) + " bytes more</span>";
  return html + "</p>\n";
}

/// The named metrics, or with a '/' at the end all that begin so; series that have a value.
std::vector<Series> series_of(const Lines& lines, const std::string& prefix,
                              const std::vector<std::string>& names) {
  std::map<std::string, Series> found;
  for (const auto& [step, metrics] : lines) {
    for (const auto& [name, value] : metrics) {
      if (!name.starts_with(prefix) || !std::isfinite(value)) continue;
      const std::string rest = name.substr(prefix.size());
      if (!names.empty() && std::find(names.begin(), names.end(), rest) == names.end()) continue;
      Series& series = found[rest];
      series.name = rest;
      series.points.emplace_back(static_cast<double>(step), value);
    }
  }
  std::vector<Series> all;
  for (auto& [name, series] : found) all.push_back(std::move(series));
  return all;
}

std::string top_words(const ReflectionStats& s) {
  std::vector<std::pair<int64_t, std::string>> words;
  for (const auto& [word, count] : s.words) words.emplace_back(-count, word);
  std::sort(words.begin(), words.end());
  std::string text;
  for (size_t i = 0; i < words.size() && i < 4; ++i)
    text += (i > 0 ? ", " : "") + words[i].second + " " + std::to_string(-words[i].first);
  return text.empty() ? "none" : text;
}

Result<WatchedAnswer> parse_watched(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return fail("not a JSON object");
  const auto number = [&](const char* key) {
    const auto at = line.find(key);
    return at != line.end() && at->is_number() ? at->get<double>() : 0.0;
  };
  const auto words = [&](const char* key) {
    const auto at = line.find(key);
    return at != line.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  WatchedAnswer answer;
  answer.step = static_cast<int64_t>(number("step"));
  answer.prompt_index = static_cast<int64_t>(number("prompt_index"));
  answer.prompt = words("prompt"), answer.answer = words("answer");
  answer.completion = words("completion");
  answer.reward = number("reward");
  answer.is_right = number("correct") >= 1;
  answer.n_tokens = static_cast<int64_t>(number("length"));
  return answer;
}

}  // namespace

std::string reflection_table(const std::vector<std::pair<std::string, ReflectionStats>>& models) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, s] : models) {
    const double n_lines = static_cast<double>(s.n_lines);
    rows.push_back(
        {name, compact_text(s.rate(s.n_words)), percent_text(s.rate(s.n_with_words)), top_words(s),
         percent_text(s.rate(s.n_rescued), 2), percent_text(s.rate(s.n_broken), 2),
         s.n_lines > 0 ? percent_text(static_cast<double>(s.n_right_lines) / n_lines) : "–",
         s.n_with_words > 0 ? compact_text(s.length_with) : "–", compact_text(s.length_without)});
  }
  if (rows.empty()) return "";
  return html_table(
      "Words of reflection, answers that a self-correction rescued or broke, worked lines that are "
      "right, and the length of answers with and without such words",
      {"model", "words an answer", "with any", "most frequent", "rescued", "broken", "right lines",
       "length with", "without"},
      rows, true);
}

std::vector<Chart> emergence_charts(const Lines& metrics) {
  std::vector<Chart> charts;
  const auto add = [&](Chart chart, std::vector<Series> series) {
    if (series.empty()) return;
    chart.series = std::move(series);
    charts.push_back(std::move(chart));
  };
  add({.title = "Words of reflection", .x_label = "step", .y_label = "words an answer"},
      series_of(metrics, "reflection/", {"words"}));
  const auto share = [](const char* title) {
    return Chart{
        .title = title, .x_label = "step", .y_label = "share of the answers", .percent = true};
  };
  add(share("Answers that reflect"), series_of(metrics, "reflection/", {"rate"}));
  add(share("Answers that a self-correction rescues, or breaks"),
      series_of(metrics, "reflection/", {"rescued", "broken"}));
  add({.title = "Worked lines that are right",
       .x_label = "step",
       .y_label = "share",
       .percent = true},
      series_of(metrics, "reflection/", {"right_lines"}));
  add(share("One language"), series_of(metrics, "language/", {"one_language"}));
  add({.title = "Languages", .x_label = "step", .y_label = "share of the words", .percent = true},
      series_of(metrics, "language/share/", {}));
  add({.title = "Length follows difficulty", .x_label = "step", .y_label = "correlation"},
      series_of(metrics, "length/", {"difficulty_correlation"}));
  return charts;
}

Result<std::vector<WatchedAnswer>> read_watched(const Path& run) {
  const Path path = run / "watched.jsonl";
  std::error_code ignored;
  std::vector<WatchedAnswer> answers;
  if (!std::filesystem::exists(path, ignored)) return answers;
  R1_TRY(const std::string text, read_text(path));
  int64_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // torn
    auto answer = parse_watched(std::string_view(text).substr(at, end - at));
    if (!answer)
      return fail("{}: line {}: {}; mend or delete the line", path.string(), number,
                  answer.error().message);
    answers.push_back(std::move(*answer));
    at = end + 1;
  }
  return answers;
}

std::string watched_browser(const std::vector<WatchedAnswer>& answers, size_t n_steps,
                            bool is_open) {
  std::map<int64_t, std::vector<const WatchedAnswer*>> by_prompt;
  for (const WatchedAnswer& answer : answers) by_prompt[answer.prompt_index].push_back(&answer);
  std::string html;
  for (const auto& [index, all] : by_prompt) {
    html += is_open && html.empty() ? "<details open>\n<summary>" : "<details>\n<summary>";
    html += escape_html(cut_text(all[0]->prompt, 160));
    if (!all[0]->answer.empty()) html += " → " + escape_html(cut_text(all[0]->answer, 60));
    html += "</summary>\n<div class=\"card\"><div class=\"answers\">\n";
    const size_t n = std::min(all.size(), std::max<size_t>(1, n_steps));
    for (size_t i = 0; i < n; ++i) {
      const WatchedAnswer& a = *all[n == 1 ? all.size() - 1 : i * (all.size() - 1) / (n - 1)];
      html += "<div><p class=\"when\"><b>step " + std::to_string(a.step) + "</b>";
      html += std::string("<span class=\"mark ") + (a.is_right ? "right\">right" : "wrong\">wrong");
      html += "</span><span>" + std::to_string(a.n_tokens) + " tokens</span></p>\n" +
              marked_text(a.completion) + "</div>\n";
    }
    html += "</div></div>\n</details>\n";
  }
  return html;
}

}  // namespace r1
