#include "recipes/pipeline_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/pipeline_compare.h"
#include "recipes/pipeline_page.h"
#include "recipes/text_table.h"

namespace r1 {
namespace {

TextRow row_of(const PipelineFacts& facts, const ModelFacts& m, int k) {
  const EvalSummary& s = m.summary();
  const StageFacts* made = m.made;
  return {cut_text(facts.label(m), 32),
          share_text(pass_of(m)),
          percent_text(mean_at(s.cons_at, k)),
          percent_text(mean_at(s.pass_at, k)),
          percent_text(s.format_rate),
          percent_text(s.one_language_rate),
          std::isfinite(s.mean_length) ? fmt::format("{:.1f}", s.mean_length) : "–",
          percent_text(s.truncated_rate),
          made ? std::to_string(made->steps) : "–",
          made && std::isfinite(made->tokens) ? human_count(made->tokens) : "–",
          made ? human_seconds(made->seconds) : "–"};
}

/// A line a model, the best pass@1 marked.
std::string model_lines(const PipelineFacts& facts, bool colour) {
  const int k = largest_k(facts);
  std::vector<TextRow> rows{{"model", "pass@1", fmt::format("cons@{}", k),
                             fmt::format("pass@{}", k), "format", "one lang.", "length", "cut",
                             "steps", "tokens", "time"}};
  double best = -1;
  for (const ModelFacts& m : facts.models) {
    rows.push_back(row_of(facts, m, k));
    best = std::max(best, m.summary().pass_at_1);
  }
  std::string text = text_table(rows, 1, false);
  if (!colour) return text;
  std::string coloured;
  for (size_t i = 0, at = 0; i < rows.size(); ++i) {
    const size_t end = text.find('\n', at);
    const bool is_best = i > 0 && best > 0 && facts.models[i - 1].summary().pass_at_1 == best;
    const char* style = i == 0 ? "\x1b[2m" : is_best ? "\x1b[1;36m" : "";
    coloured += style + text.substr(at, end - at) + (*style ? "\x1b[0m\n" : "\n");
    at = end + 1;
  }
  return coloured;
}

std::string stage_lines(const PipelineFacts& facts) {
  std::vector<TextRow> rows{{"stage", "verb", "state", "time", "tokens"}};
  for (const StageFacts& s : facts.stages)
    rows.push_back({s.stage->name, s.stage->verb, state_word(s.state),
                    s.seconds > 0 ? human_seconds(s.seconds) : "–", compact_text(s.tokens)});
  return text_table(rows, 3, false);
}

Result<void> write_files(const PipelineFacts& facts, const PipelineAbout& about) {
  const Path& folder = facts.pipeline->output_dir;
  R1_RETURN_IF_ERROR(make_folder(folder));
  R1_RETURN_IF_ERROR(
      write_text_atomic(folder / "report.html", render_pipeline_report(facts, about)));
  return write_text_atomic(folder / "summary.json", pipeline_summary_json(facts, about));
}

std::string lead_of(const PipelineFacts& facts) {
  const bool is_story = facts.find_role("zero") || facts.find_role("r1");
  return is_story
             ? "A language model learns to reason: every stage of DeepSeek-R1, small enough for "
               "this machine, and every figure from one command."
             : "Every stage of one recipe, and every figure from one command.";
}

Facts facts_of(const PipelineFacts& facts, const PipelineAbout& about) {
  Facts list{{"folder", facts.pipeline->output_dir.string()}};
  if (!facts.seed.empty()) list.push_back({"seed", facts.seed});
  if (!facts.protocol.empty()) list.push_back({"evaluation", facts.protocol});
  list.push_back({"machine", about.machine});
  list.push_back({"version", about.version});
  return list;
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
  std::vector<std::string> notes = pipeline.notes;
  for (const std::string& trouble : facts.troubles) notes.push_back(trouble);
  return open_page(pipeline.title, lead_of(facts), "", about.command) +
         headline_strip(pipeline_headlines(facts, about.machine)) +
         section("pipeline", "The pipeline", pipeline_picture(facts)) +
         section("stages", "Every model, measured", pipeline_models(facts)) +
         section("samples", "The same problem, answered by every model", pipeline_examples(facts)) +
         section("verdicts", "Claims and verdicts", pipeline_claims(facts)) +
         pipeline_comparisons(facts) +
         section("compute", "More compute when answering", pipeline_test_time(facts)) +
         section("curves", "How it went", pipeline_curves(facts)) +
         section("emergence", "Watching reasoning emerge", pipeline_emergence(facts)) +
         section("costs", "Costs", pipeline_costs(facts)) +
         section("notes", "What to keep in mind", bullets(notes)) +
         section("facts", "What ran", fact_list(facts_of(facts, about))) + close_page();
}

std::string pipeline_terminal_table(const PipelineFacts& facts, bool colour) {
  std::string text =
      (facts.models.empty() ? stage_lines(facts) : model_lines(facts, colour)) + "\n";
  for (const PipelineVerdict& v : pipeline_verdicts(facts))
    text += wrapped(fmt::format("{:<17} {}: {}", v.verdict, v.claim, v.numbers), 100, 18) + "\n";
  return text;
}

Result<PipelineFacts> write_pipeline_report(const Pipeline& pipeline,
                                            const std::vector<std::string>& keys,
                                            const PipelineAbout& about) {
  PipelineFacts facts = read_pipeline_facts(pipeline, keys);
  R1_RETURN_IF_ERROR(write_files(facts, about));
  return facts;
}

Result<PipelineFacts> rewrite_pipeline_report(const Pipeline& pipeline, PipelineAbout about) {
  std::vector<std::string> keys;
  for (const Stage& stage : pipeline.stages) keys.push_back(read_stage_record(stage).key);
  if (std::all_of(keys.begin(), keys.end(), [](const std::string& key) { return key.empty(); }))
    return fail("{}: holds no stage of this recipe; name the folder of a run with --output_dir",
                pipeline.output_dir.string());
  PipelineFacts facts = read_pipeline_facts(pipeline, keys);
  const auto text = read_text(pipeline.output_dir / "summary.json");
  const auto json = nlohmann::json::parse(text ? *text : "", nullptr, false);
  for (const auto& [key, value] : {std::pair("seed", &facts.seed),
                                   {"machine", &about.machine},
                                   {"version", &about.version},
                                   {"command", &about.command}}) {
    if (!json.is_object()) break;
    const auto it = json.find(key);
    if (it != json.end() && it->is_string()) *value = it->get<std::string>();
  }
  R1_RETURN_IF_ERROR(write_files(facts, about));
  return facts;
}

}  // namespace r1
