#include <fmt/core.h>

#include "recipes/html.h"
#include "recipes/page.h"

namespace r1 {
namespace {

constexpr size_t kProblemColumns = 400;

std::string answer(const SampleCard::Answer& a) {
  return fmt::format(
             "<div><p class=\"when\"><b>{}</b><span class=\"mark {}\">{}</span>"
             "<span>{}</span><span>reward {}</span></p>\n",
             escape_html(a.when), a.correct ? "right" : "wrong", a.correct ? "✓ right" : "✗ wrong",
             a.format_ok ? "format ok" : "format broken", compact_text(a.reward)) +
         answer_text(a.text) + "</div>\n";
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

}  // namespace r1
