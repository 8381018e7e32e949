// r1 eval: pass@1, cons@k, pass@k and more of models on data sets.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/verbs.h"
#include "eval/by_position.h"
#include "recipes/eval_suite.h"

namespace r1 {
namespace {

struct EvalVerbConfig {
  EvalSuiteConfig suite;
  std::string json, markdown, html;
  std::string samples_out;

  void visit(auto&& f) {
    suite.visit(f);
    f("json", json, "write all figures to this file");
    f("markdown", markdown, "write the table to this file");
    f("html", html, "write a page with table and charts to this file");
    f("samples_out", samples_out, "write every completion to this JSONL file");
  }
};

/// Every completion of every cell; model and data are named where there are several.
Result<void> write_samples(const std::string& file, const EvalSuite& suite) {
  std::string text;
  for (const EvalCell& cell : suite.cells) {
    for (const Episode& e : cell.evaluated.episodes) {
      const Problem& problem = cell.problems[static_cast<size_t>(e.problem)];
      nlohmann::ordered_json row;
      if (suite.cells.size() > 1) row = {{"model", cell.model}, {"data", cell.data}};
      row.update({{"id", problem.id},
                  {"sample", e.sample},
                  {"answer", problem.answer},
                  {"completion", e.text},
                  {"reward", e.score.value},
                  {"finished", e.finished}});
      text += row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    }
  }
  return write_text_atomic(file, text);
}

/// One model on one data set, in a few lines.
void print_cell(const EvalCell& cell) {
  const Evaluated& result = cell.evaluated;
  std::printf("%s\n", describe(result.summary).c_str());
  std::printf("%s sampled tokens in %s (%s tok/s)\n",
              human_count(static_cast<double>(result.n_tokens)).c_str(),
              human_seconds(result.seconds).c_str(),
              human_count(static_cast<double>(result.n_tokens) / result.seconds).c_str());
  if (result.engine.n_drafted > 0) std::printf("%s\n", describe_speculation(result.engine).c_str());
  const auto positions = accuracy_by_position(cell.problems, result.episodes);
  if (!positions.empty()) std::printf("\n%s\n", describe(positions).c_str());
}

/// Beside the first file that is to be written: what a killed run has measured of several parts.
Path journal_of(const EvalVerbConfig& config) {
  const EvalSuiteConfig& suite = config.suite;
  const size_t n_sets = suite.data.size() + !suite.general.general_data.empty();
  if (n_sets * std::max<size_t>(1, suite.models.size()) < 2) return {};
  std::error_code error;
  for (const std::string& output :
       {config.json, config.html, config.markdown, config.samples_out}) {
    const auto status = std::filesystem::status(output, error);
    const bool is_file = std::filesystem::is_regular_file(status) || !exists(status);
    if (!output.empty() && is_file) return output + ".parts.jsonl";
  }
  return {};
}

Result<void> run_eval(EvalVerbConfig& config, const std::string& command) {
  R1_RETURN_IF_ERROR(config.suite.apply_preset());
  const Path journal = journal_of(config);
  R1_TRY(const EvalSuite suite, evaluate_suite(config.suite, journal));
  const bool is_single = suite.cells.size() == 1;
  if (is_single) print_cell(suite.cells[0]);
  if (!is_single || !suite.general.empty() || !suite.cells[0].budget.empty())
    std::printf("%s%s", is_single ? "\n" : "", suite_table(suite, /*markdown=*/false).c_str());
  if (!config.json.empty())
    R1_RETURN_IF_ERROR(write_text_atomic(config.json, suite_json(suite) + "\n"));
  if (!config.markdown.empty())
    R1_RETURN_IF_ERROR(write_text_atomic(config.markdown, suite_table(suite, /*markdown=*/true)));
  if (!config.html.empty())
    R1_RETURN_IF_ERROR(write_text_atomic(config.html, suite_page(suite, "", command)));
  if (!config.samples_out.empty()) R1_RETURN_IF_ERROR(write_samples(config.samples_out, suite));
  std::error_code ignored;
  if (!journal.empty()) std::filesystem::remove(journal, ignored);
  return {};
}

}  // namespace

Verb eval_verb() {
  Verb verb{
      "eval",
      "pass@1 with its error, cons@k, pass@k and more, of models on data sets",
      {"r1 eval --model runs/quickstart/zero/final --samples 16",
       "r1 eval --model DIR --data test.jsonl --samples 16 --temperature 0.6 --top_p 0.95 "
       "--json out.json",
       "r1 eval --models base/final,zero/final --data gsm8k.jsonl,math500.jsonl --html eval.html",
       "r1 eval --model DIR --data aime.jsonl --preset deepseek --samples 64",
       "r1 eval --model DIR --thinking_budgets 0,16,32,64 --html compute.html",
       "r1 eval --models before,after --general_data builtin:last_digit"},
      {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    EvalVerbConfig config;
    return run_verb(verb, config, args, [&](EvalVerbConfig& parsed) {
      return run_eval(parsed, command_line(verb, args));
    });
  };
  return verb;
}

}  // namespace r1
