#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/report.h"

namespace r1 {
namespace {

constexpr size_t kProblemColumns = 400;
constexpr const char* kColumns[] = {"pass@1", "cons@16", "pass@16", "length", "format",
                                    "cut",    "steps",   "tokens",  "time"};

std::string cell(const std::string& text) { return "<td>" + escape_html(text) + "</td>"; }

std::string stage_row(const StageRow& s, bool is_best) {
  const double share = std::isfinite(s.pass_at_1) ? std::clamp(s.pass_at_1, 0.0, 1.0) : 0;
  std::string row = fmt::format("<tr{}><th scope=\"row\">{}</th>", is_best ? " class=\"best\"" : "",
                                escape_html(s.name));
  row += "<td>" + percent_text(s.pass_at_1);
  if (std::isfinite(s.pass_at_1_stderr)) {
    row += fmt::format(" <span class=\"error\">± {:.1f}</span>", s.pass_at_1_stderr * 100);
  }
  row += fmt::format("<span class=\"bar\"><span style=\"width:{:.1f}%\"></span></span></td>",
                     share * 100);
  row += cell(percent_text(s.cons_at_16)) + cell(percent_text(s.pass_at_16));
  row += cell(std::isfinite(s.mean_length) ? fmt::format("{:.1f}", s.mean_length) : "–");
  row += cell(percent_text(s.format_rate)) + cell(percent_text(s.truncated_rate));
  row += cell(fmt::format("{}", s.steps)) + cell(human_count(static_cast<double>(s.tokens)));
  return row + cell(std::isfinite(s.seconds) ? human_seconds(s.seconds) : "–") + "</tr>\n";
}

std::string stage_table(const std::vector<StageRow>& stages) {
  if (stages.empty()) return "";
  double best = -1;
  for (const StageRow& s : stages) best = s.pass_at_1 > best ? s.pass_at_1 : best;
  std::string html =
      "<div class=\"scroll\" role=\"region\" aria-label=\"Stages\" tabindex=\"0\">\n<table>\n"
      "<caption>Measured on held-out problems</caption>\n<thead><tr><th scope=\"col\">stage</th>";
  for (const char* column : kColumns) html += fmt::format("<th scope=\"col\">{}</th>", column);
  html += "</tr></thead>\n<tbody>\n";
  for (const StageRow& s : stages) html += stage_row(s, s.pass_at_1 == best);
  return html +
         "</tbody>\n</table>\n</div>\n<p class=\"legend\">pass@1 ± one standard error over "
         "problems; "
         "cons@16: the majority of 16 answers; pass@16: any of 16; length in tokens; cut: stopped "
         "at "
         "the length limit; steps, tokens and time are those of the stage alone.</p>\n";
}

std::string answer(const SampleCard::Answer& a) {
  return fmt::format(
             "<div><p class=\"when\"><b>{}</b><span class=\"mark {}\">{}</span>"
             "<span>{}</span><span>reward {}</span></p>\n",
             escape_html(a.when), a.correct ? "right" : "wrong", a.correct ? "✓ right" : "✗ wrong",
             a.format_ok ? "format ok" : "format broken", compact_text(a.reward)) +
         answer_text(a.text) + "</div>\n";
}

std::string note_list(const std::vector<std::string>& notes) {
  if (notes.empty()) return "";
  std::string html = "<ul class=\"notes\">\n";
  for (const std::string& note : notes) html += "<li>" + escape_html(note) + "</li>\n";
  return html + "</ul>\n";
}

std::string next_list(const std::vector<NextStep>& steps) {
  if (steps.empty()) return "";
  std::string html = "<ul class=\"next\">\n";
  for (const NextStep& step : steps) {
    html += fmt::format("<li><code>{}</code><span>{}</span></li>\n", escape_html(step.command),
                        escape_html(step.what));
  }
  return html + "</ul>\n";
}

}  // namespace

std::string sample_cards(const std::vector<SampleCard>& samples) {
  std::string html;
  for (const SampleCard& card : samples) {
    html += fmt::format(
        "<article class=\"card\">\n<h3>{} <span>→ {}</span></h3>\n<div class=\"answers\">\n",
        escape_html(cut_text(card.problem, kProblemColumns)),
        escape_html(cut_text(card.answer, kProblemColumns)));
    for (const SampleCard::Answer& a : card.answers) html += answer(a);
    html += "</div>\n</article>\n";
  }
  return html;
}

std::string render_report(const Report& report) {
  std::vector<Headline> headlines = report.headlines;
  if (headlines.empty() && report.stages.size() > 1) {
    double seconds = 0;
    for (const StageRow& stage : report.stages) seconds += stage.seconds;
    headlines = compare_stages(report.stages.front(), report.stages.back(), seconds);
  }
  return open_page(report.title, report.subtitle, report.machine, report.command) +
         headline_strip(headlines) + section("curves", "How it went", chart_grid(report.charts)) +
         section("stages", "Every stage, measured", stage_table(report.stages)) +
         section("samples", "The same problems, before and after", sample_cards(report.samples)) +
         section("notes", "What to keep in mind", note_list(report.notes)) +
         section("facts", "What ran", fact_list(report.facts)) +
         section("next", "What to try next", next_list(report.next)) + close_page();
}

}  // namespace r1
