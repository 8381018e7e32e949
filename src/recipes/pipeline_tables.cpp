// Tables of a pipeline's page: models, claims, answers, costs.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/pipeline_compare.h"
#include "recipes/pipeline_page.h"

namespace r1 {
namespace {

constexpr size_t kExamples = 3;  // problems on the page

std::string cell(const std::string& text) { return "<td>" + escape_html(text) + "</td>"; }

std::string left_cell(const std::string& text) {
  return "<td class=\"left\">" + escape_html(text) + "</td>";
}

std::string bar(double share) {
  return fmt::format("<span class=\"bar\"><span style=\"width:{:.1f}%\"></span></span>",
                     std::isfinite(share) ? std::clamp(share, 0.0, 1.0) * 100 : 0.0);
}

std::string open_table(const std::string& caption, const std::vector<std::string>& head,
                       size_t n_left) {
  std::string html = "<div class=\"scroll\" role=\"region\" aria-label=\"" + escape_html(caption) +
                     "\" tabindex=\"0\">\n<table class=\"dense\">\n<caption>" +
                     escape_html(caption) + "</caption>\n<thead><tr>";
  for (size_t i = 0; i < head.size(); ++i)
    html += fmt::format("<th scope=\"col\"{}>{}</th>",
                        i > 0 && i <= n_left ? " class=\"left\"" : "", escape_html(head[i]));
  return html + "</tr></thead>\n<tbody>\n";
}

constexpr const char* kCloseTable = "</tbody>\n</table>\n</div>\n";

std::string model_row(const PipelineFacts& facts, const ModelFacts& m, int k, bool is_best) {
  const EvalSummary& s = m.summary();
  std::string row = is_best ? "<tr class=\"best\">" : "<tr>";
  row += "<th scope=\"row\">" + escape_html(facts.label(m));
  if (m.made && !m.made->stage->title.empty())
    row += "<small>" + escape_html(m.made->stage->title) + "</small>";
  row += "</th><td>" + percent_text(s.pass_at_1);
  if (std::isfinite(s.pass_at_1_stderr))
    row += fmt::format(" <span class=\"error\">± {:.1f}</span>", s.pass_at_1_stderr * 100);
  row += bar(s.pass_at_1) + "</td>";
  row += cell(percent_text(s.one_language_rate)) + cell(percent_text(mean_at(s.cons_at, k)));
  row += cell(percent_text(mean_at(s.pass_at, k))) + cell(percent_text(s.format_rate));
  row += cell(std::isfinite(s.mean_length) ? fmt::format("{:.1f}", s.mean_length) : "–");
  row += cell(percent_text(s.truncated_rate));
  row += cell(m.made ? std::to_string(facts.rl_steps_behind(*m.made)) : "–");
  return row + cell(seconds_text(m.made ? m.made->seconds : 0)) + "</tr>\n";
}

std::string mark_class(const std::string& verdict) {
  if (verdict == outcome_word(Outcome::kHolds)) return "right";
  if (verdict == outcome_word(Outcome::kWithinError)) return "within";
  return verdict == outcome_word(Outcome::kFails) ? "fails" : "wrong";
}

double total(const PipelineFacts& facts, double StageFacts::*figure) {
  double sum = 0;
  for (const StageFacts& stage : facts.stages)
    sum += std::isfinite(stage.*figure) ? stage.*figure : 0;
  return sum > 0 ? sum : kUnknown;
}

std::vector<SampleCard> example_cards(const PipelineFacts& facts) {
  std::vector<SampleCard> cards;
  std::vector<std::string> ids;
  for (const ModelFacts& m : facts.models) {
    for (const ModelFacts::Example& e : m.examples) {
      const std::string id = m.cell.data + "/" + e.id;
      const auto at = static_cast<size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
      if (at == ids.size()) {
        if (at == kExamples) continue;
        ids.push_back(id);
        cards.push_back({e.question, e.answer, {}});
      }
      cards[at].answers.push_back({m.name, e.completion, e.is_right, e.is_formed, e.reward});
    }
  }
  return cards;
}

}  // namespace

std::string pipeline_models(const PipelineFacts& facts) {
  if (facts.models.empty()) return "";
  const int k = largest_k(facts);
  double best = -1;
  for (const ModelFacts& m : facts.models) best = std::max(best, m.summary().pass_at_1);
  const EvalSummary& first = facts.models[0].summary();
  std::string html =
      open_table(fmt::format("{} held-out problems, {} answers to each", first.n_problems,
                             first.n_samples / std::max<int64_t>(1, first.n_problems)),
                 {"model", "pass@1", "one language", fmt::format("cons@{}", k),
                  fmt::format("pass@{}", k), "format", "length", "cut", "RL steps", "time"},
                 0);
  for (const ModelFacts& m : facts.models)
    html += model_row(facts, m, k, best > 0 && m.summary().pass_at_1 == best);
  return html + kCloseTable +
         fmt::format(
             "<p class=\"legend\">pass@1: the share of right answers ± one standard error over "
             "problems. One language: answers that keep to one. cons@{0}: problems whose majority "
             "of {0} answers is right. pass@{0}: problems with a right one among {0}. Format: "
             "answers in the form asked for. Length in tokens. Cut: stopped at the length limit. "
             "RL steps: all that went into the model, its teacher's too. Time: of its stage "
             "alone.</p>\n",
             k);
}

std::string pipeline_claims(const PipelineFacts& facts) {
  const std::vector<PipelineVerdict> verdicts = pipeline_verdicts(facts);
  if (verdicts.empty()) return "";
  std::string html = "<ul class=\"verdicts\">\n";
  for (const PipelineVerdict& v : verdicts) {
    html += fmt::format("<li><span class=\"mark {}\">{}</span><div><b>{}</b><p>{}</p></div></li>\n",
                        mark_class(v.verdict), escape_html(v.verdict), escape_prose(v.claim),
                        escape_prose(v.numbers));
  }
  return html +
         "</ul>\n<p class=\"legend\">Computed from the figures of this page, whatever they are. A "
         "difference smaller than two standard errors neither holds nor fails: it is within error. "
         "Errors are over problems, of one seed; models that answered the same problems are "
         "compared problem by problem.</p>\n";
}

std::string pipeline_examples(const PipelineFacts& facts) {
  const std::vector<SampleCard> cards = example_cards(facts);
  if (cards.empty()) return "";
  const std::string rest = sample_cards({cards.begin() + 1, cards.end()});
  std::string html = sample_cards({cards[0]});
  if (cards.size() > 1)
    html += fmt::format("<details>\n<summary>{} more</summary>\n{}</details>\n",
                        cards.size() == 2 ? "One problem" : "Two problems", rest);
  return html;
}

std::string pipeline_costs(const PipelineFacts& facts) {
  const double seconds = total(facts, &StageFacts::seconds);
  std::string html = open_table(
      "What each stage took, over all its sittings",
      {"stage", "verb", "state", "time", "share of the time", "steps", "tokens", "FLOPs, about"},
      2);
  const auto row = [&](const std::string& name, const std::string& verb, const std::string& state,
                       double time, const std::vector<std::string>& figures) {
    html += "<tr><th scope=\"row\">" + escape_html(name) + "</th>" + left_cell(verb);
    html += left_cell(state) + cell(seconds_text(time));
    html += "<td>" + percent_text(time / seconds, 0) + bar(time / seconds) + "</td>";
    for (const std::string& figure : figures) html += cell(figure);
    html += "</tr>\n";
  };
  for (const StageFacts& s : facts.stages)
    row(s.stage->name, s.stage->verb, state_word(s.state), s.seconds,
        {s.steps > 0 ? std::to_string(s.steps) : "–", compact_text(s.tokens), flops_text(s.flops)});
  row("all", "", "", seconds,
      {"", compact_text(total(facts, &StageFacts::tokens)),
       flops_text(total(facts, &StageFacts::flops))});
  return html + kCloseTable +
         "<p class=\"legend\">FLOPs by the weights that a token meets: two for each to sample it, "
         "six to learn from it. Attention over the context is left out, and so is the evaluation "
         "with thinking budgets.</p>\n";
}

}  // namespace r1
