#include "recipes/pipeline_report.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/page.h"

namespace r1 {
namespace {

constexpr size_t kExamples = 3;  // problems on the page

double total_seconds(const PipelineFacts& facts) {
  double seconds = 0;
  for (const StageFacts& stage : facts.stages) seconds += stage.seconds;
  return seconds;
}

/// Sum of what is known.
double total(const PipelineFacts& facts, double StageFacts::*figure) {
  double sum = 0;
  for (const StageFacts& stage : facts.stages)
    sum += std::isfinite(stage.*figure) ? stage.*figure : 0;
  return sum > 0 ? sum : kUnknown;
}

bool has_several_sets(const PipelineFacts& facts) {
  return std::any_of(facts.models.begin(), facts.models.end(),
                     [&](const ModelFacts& m) { return m.cell.data != facts.models[0].cell.data; });
}

std::string name_of(const PipelineFacts& facts, const ModelFacts& m) {
  return has_several_sets(facts) ? m.name + " · " + m.cell.data : m.name;
}

double at_k(const std::map<int, Estimate>& values, int k) {
  const auto it = values.find(k);
  return it != values.end() ? it->second.mean : kUnknown;
}

/// The k of the table's cons@k and pass@k: 16 where every model has it, else the largest of all.
int table_k(const PipelineFacts& facts) {
  int k = 0;
  for (const ModelFacts& m : facts.models) {
    if (!m.summary().pass_at.empty()) k = std::max(k, m.summary().pass_at.rbegin()->first);
  }
  return k > 16 ? 16 : k;
}

std::string cell(const std::string& text) { return "<td>" + escape_html(text) + "</td>"; }

std::string model_row(const PipelineFacts& facts, const ModelFacts& m, int k, bool is_best) {
  const EvalSummary& s = m.summary();
  std::string row = is_best ? "<tr class=\"best\">" : "<tr>";
  row += "<th scope=\"row\">" + escape_html(name_of(facts, m)) + "</th>";
  row += "<td>" + percent_text(s.pass_at_1);
  if (std::isfinite(s.pass_at_1_stderr))
    row += fmt::format(" <span class=\"error\">± {:.1f}</span>", s.pass_at_1_stderr * 100);
  const double share = std::isfinite(s.pass_at_1) ? std::clamp(s.pass_at_1, 0.0, 1.0) : 0;
  row += fmt::format("<span class=\"bar\"><span style=\"width:{:.1f}%\"></span></span></td>",
                     share * 100);
  row += cell(percent_text(at_k(s.cons_at, k))) + cell(percent_text(at_k(s.pass_at, k)));
  row += cell(percent_text(s.format_rate)) + cell(percent_text(s.one_language_rate));
  row += cell(compact_text(s.mean_length)) + cell(percent_text(s.truncated_rate));
  const StageFacts* made = m.made;
  row += cell(made && made->steps > 0 ? std::to_string(made->steps) : "–");
  row += cell(made ? compact_text(made->tokens) : "–") + cell(made ? flops_text(made->flops) : "–");
  return row + cell(made && made->seconds > 0 ? human_seconds(made->seconds) : "–") + "</tr>\n";
}

std::string model_table(const PipelineFacts& facts) {
  if (facts.models.empty()) return "";
  const int k = table_k(facts);
  double best = -1;
  for (const ModelFacts& m : facts.models) best = std::max(best, m.summary().pass_at_1);
  std::string html =
      "<div class=\"scroll\" role=\"region\" aria-label=\"Models\" tabindex=\"0\">\n<table "
      "class=\"dense\">\n"
      "<caption>As the evaluation stages measured them</caption>\n<thead><tr>"
      "<th scope=\"col\">model</th>";
  for (const std::string& name :
       {std::string("pass@1"), fmt::format("cons@{}", k), fmt::format("pass@{}", k),
        std::string("format"), std::string("one language"), std::string("length"),
        std::string("cut"), std::string("steps"), std::string("tokens"), std::string("FLOPs"),
        std::string("time")})
    html += "<th scope=\"col\">" + name + "</th>";
  html += "</tr></thead>\n<tbody>\n";
  for (const ModelFacts& m : facts.models)
    html += model_row(facts, m, k, m.summary().pass_at_1 == best);
  return html +
         fmt::format(
             "</tbody>\n</table>\n</div>\n<p class=\"legend\">pass@1 ± one standard error "
             "over problems; cons@{0}: the majority of {0} answers; pass@{0}: any of {0}; "
             "one language: answers that keep to one; length in tokens; cut: stopped at the "
             "length limit; steps, tokens, FLOPs and time are those of the stage alone, "
             "FLOPs by the weights a token meets, attention over the context left out.</p>\n",
             k);
}

std::string verdict_list(const std::vector<PipelineVerdict>& verdicts) {
  if (verdicts.empty()) return "";
  std::string html = "<ul class=\"verdicts\">\n";
  for (const PipelineVerdict& v : verdicts) {
    html += fmt::format("<li><span class=\"mark {}\">{}</span><div><b>{}</b><p>{}</p></div></li>\n",
                        v.verdict == "holds" ? "right" : "wrong", escape_html(v.verdict),
                        escape_html(v.claim), escape_html(v.numbers));
  }
  return html +
         "</ul>\n<p class=\"legend\">Computed from the figures above. “Within error” is two "
         "standard errors; errors are over problems, of one seed.</p>\n";
}

std::string cost_table(const PipelineFacts& facts) {
  const double seconds = total_seconds(facts);
  std::vector<std::vector<std::string>> rows;
  const auto time = [](double s) { return s > 0 ? human_seconds(s) : std::string("–"); };
  for (const StageFacts& s : facts.stages) {
    rows.push_back({s.stage->name, s.stage->verb, state_word(s.state),
                    s.steps > 0 ? std::to_string(s.steps) : "–", compact_text(s.tokens),
                    flops_text(s.flops), time(s.seconds),
                    seconds > 0 ? percent_text(s.seconds / seconds, 0) : "–"});
  }
  rows.push_back({"all", "", "", "", compact_text(total(facts, &StageFacts::tokens)),
                  flops_text(total(facts, &StageFacts::flops)), time(seconds), ""});
  return html_table("What each stage cost, over all its sittings",
                    {"stage", "verb", "state", "steps", "tokens", "FLOPs, about", "time", "share"},
                    rows);
}

std::vector<SampleCard> example_cards(const PipelineFacts& facts) {
  std::vector<SampleCard> cards;
  std::vector<std::string> ids;
  for (const ModelFacts& m : facts.models) {
    for (const ModelFacts::Example& e : m.examples) {
      const std::string id = m.cell.data + "/" + e.id;
      size_t at = static_cast<size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
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

StageRow row_of(const PipelineFacts& facts, const ModelFacts& m) {
  const EvalSummary& s = m.summary();
  StageRow row{.name = name_of(facts, m),
               .pass_at_1 = s.pass_at_1,
               .pass_at_1_stderr = s.pass_at_1_stderr,
               .cons_at_16 = at_k(s.cons_at, 16),
               .pass_at_16 = at_k(s.pass_at, 16),
               .mean_length = s.mean_length,
               .format_rate = s.format_rate,
               .truncated_rate = s.truncated_rate,
               .steps = 0,
               .tokens = 0,
               .seconds = kUnknown};
  if (!m.made) return row;
  row.steps = m.made->steps, row.seconds = m.made->seconds;
  if (std::isfinite(m.made->tokens)) row.tokens = static_cast<int64_t>(m.made->tokens);
  return row;
}

std::vector<Headline> headlines(const PipelineFacts& facts) {
  std::vector<Headline> lines;
  const ModelFacts *first = nullptr, *best = nullptr;
  for (const ModelFacts& m : facts.models) {
    if (!std::isfinite(m.summary().pass_at_1)) continue;
    if (!first) first = &m;
    if (!best || m.summary().pass_at_1 > best->summary().pass_at_1) best = &m;
  }
  if (best && best != first) {
    lines.push_back(compare_stages(row_of(facts, *first), row_of(facts, *best), kUnknown)[0]);
    lines.back().note = first->name + " → " + best->name + ", evaluated problems";
  }
  const std::vector<PipelineVerdict> verdicts = pipeline_verdicts(facts);
  const auto holding = std::count_if(verdicts.begin(), verdicts.end(),
                                     [](const auto& v) { return v.verdict == "holds"; });
  const auto open = std::count_if(verdicts.begin(), verdicts.end(),
                                  [](const auto& v) { return v.verdict == "not measured yet"; });
  if (!verdicts.empty() && open < std::ssize(verdicts))
    lines.push_back({fmt::format("{} of {}", holding, verdicts.size()), "claims hold",
                     open > 0 ? fmt::format("{} not measured yet", open) : "verdicts below"});
  const auto done = std::count_if(facts.stages.begin(), facts.stages.end(),
                                  [](const auto& s) { return s.state == StageState::kDone; });
  lines.push_back(
      {fmt::format("{} of {}", done, facts.stages.size()), "stages done", "one command"});
  lines.push_back({human_seconds(total_seconds(facts)), "spent", "on this machine"});
  const double flops = total(facts, &StageFacts::flops);
  if (std::isfinite(flops))
    lines.push_back({flops_text(flops), "FLOPs, about",
                     compact_text(total(facts, &StageFacts::tokens)) + " tokens"});
  return lines;
}

std::string bullets(const std::vector<std::string>& notes) {
  if (notes.empty()) return "";
  std::string html = "<ul class=\"notes\">\n";
  for (const std::string& note : notes) html += "<li>" + escape_html(note) + "</li>\n";
  return html + "</ul>\n";
}

}  // namespace

std::string render_pipeline_report(const PipelineFacts& facts, const PipelineAbout& about) {
  const Pipeline& pipeline = *facts.pipeline;
  Facts list{{"folder", pipeline.output_dir.string()}};
  if (!facts.seed.empty()) list.push_back({"seed", facts.seed});
  if (!facts.protocol.empty()) list.push_back({"evaluation", facts.protocol});
  if (!facts.models.empty())
    list.push_back(
        {"problems", fmt::format("{}, {} completions a model", facts.models[0].summary().n_problems,
                                 facts.models[0].summary().n_samples)});
  list.push_back({"machine", about.machine});
  list.push_back({"version", about.version});
  list.push_back({"command", about.command});
  std::vector<std::string> notes = pipeline.notes;
  for (const std::string& trouble : facts.troubles) notes.push_back(trouble);
  return open_page(
             pipeline.title,
             "A pipeline of r1: each stage is one of its verbs, and goes on where it stopped.",
             about.machine, about.command) +
         headline_strip(headlines(facts)) +
         section("pipeline", "The pipeline", pipeline_picture(facts)) +
         section("stages", "Every model, measured", model_table(facts)) +
         section("verdicts", "Claims and verdicts", verdict_list(pipeline_verdicts(facts))) +
         pipeline_comparisons(facts) +
         section("compute", "Test-time compute", chart_grid(pipeline_model_charts(facts))) +
         section("curves", "How it went", pipeline_curves(facts)) +
         section("emergence", "Watching reasoning emerge", pipeline_emergence(facts)) +
         section("samples", "The same problems, answered by every model",
                 sample_cards(example_cards(facts))) +
         section("costs", "Costs", cost_table(facts)) +
         section("notes", "What to keep in mind", bullets(notes)) +
         section("facts", "What ran", fact_list(list)) + close_page();
}

std::string pipeline_terminal_table(const PipelineFacts& facts, bool colour) {
  std::vector<StageRow> rows;
  for (const ModelFacts& m : facts.models) rows.push_back(row_of(facts, m));
  std::string text;
  if (!rows.empty()) {
    text = render_terminal_table(rows, colour) + "\n";
  } else {
    for (const StageFacts& s : facts.stages) {
      const std::string time = s.seconds > 0 ? human_seconds(s.seconds) : "–";
      const std::string pad(text_columns(time) < 8 ? 8 - text_columns(time) : 0, ' ');
      text += fmt::format("{:<26}{:<14}{:<12}{}{}  {} tokens\n", s.stage->name, s.stage->verb,
                          state_word(s.state), pad, time, compact_text(s.tokens));
    }
  }
  for (const PipelineVerdict& v : pipeline_verdicts(facts))
    text += fmt::format("{:<16}  {}: {}\n", v.verdict, v.claim, v.numbers);
  return text;
}

Result<PipelineFacts> write_pipeline_report(const Pipeline& pipeline,
                                            const std::vector<std::string>& keys,
                                            const PipelineAbout& about) {
  PipelineFacts facts = read_pipeline_facts(pipeline, keys);
  R1_RETURN_IF_ERROR(make_folder(pipeline.output_dir));
  R1_RETURN_IF_ERROR(
      write_text_atomic(pipeline.output_dir / "report.html", render_pipeline_report(facts, about)));
  R1_RETURN_IF_ERROR(
      write_text_atomic(pipeline.output_dir / "summary.json", pipeline_summary_json(facts, about)));
  return facts;
}

}  // namespace r1
