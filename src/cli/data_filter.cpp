// r1 data filter: the quality filters on the completions of any JSONL file.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/data_actions.h"
#include "data/dataset.h"
#include "data/row.h"
#include "reward/quality.h"
#include "train/learner.h"

namespace r1 {
namespace {

struct FilterConfig {
  std::string data, output, dropped;
  QualityConfig quality;
  DatasetOptions columns;
  ComputeConfig compute;

  void visit(auto&& f) {
    f("data", data, "JSONL with prompts, completions and (for correct) answers");
    f("output", output, "the rows that pass, as they were; none: they are only counted");
    f("dropped", dropped,
      "the other rows, with dropped_by and reason; none: they are only counted");
    quality.visit(f);
    columns.visit(f);
    f("compute", compute);
  }
};

struct Rows {
  std::vector<Problem> problems;
  std::vector<std::string> lines;
};

Result<Rows> read_rows(const FilterConfig& config) {
  Rows rows;
  const auto keep = [&](Problem&& problem, std::string_view line) -> Result<void> {
    if (problem.messages.empty() || problem.completion.empty()) {
      return fail("{}: {}: no prompt with a completion; filters judge what a model wrote",
                  config.data, problem.id);
    }
    rows.problems.push_back(std::move(problem));
    rows.lines.emplace_back(line);
    return {};
  };
  R1_RETURN_IF_ERROR(for_each_row(config.data, config.columns, keep));
  return rows;
}

Result<void> run(FilterConfig& config) {
  if (config.data.empty()) return fail("data is not set: r1 data filter --data FILE.jsonl");
  R1_TRY(const QualityFilters filters, QualityFilters::make(config.quality));
  R1_TRY(const Rows rows, read_rows(config));
  R1_TRY(const Machine machine, Machine::open(config.compute));
  std::vector<Ask> asks;
  for (const Problem& problem : rows.problems)
    asks.push_back({&problem, {.text = problem.completion, .finished = true}});
  const auto outcomes = filters.check_all(asks, *machine.launch().pool);
  std::string kept, dropped;
  int64_t n_kept = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].kept()) {
      ++n_kept;
      kept += rows.lines[i] + "\n";
      continue;
    }
    Problem row = rows.problems[i];
    row.columns["dropped_by"] = nlohmann::json(outcomes[i].dropped_by).dump();
    row.columns["reason"] = nlohmann::json(outcomes[i].reason)
                                .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    dropped += write_row(row) + "\n";
  }
  if (!config.output.empty()) R1_RETURN_IF_ERROR(write_text_atomic(config.output, kept));
  if (!config.dropped.empty()) R1_RETURN_IF_ERROR(write_text_atomic(config.dropped, dropped));
  std::printf("%-14s %8zu\n", "rows", outcomes.size());
  for (const auto& [name, n] : count_dropped(config.quality.filters, outcomes))
    std::printf("%-14s %8lld dropped\n", name.c_str(), static_cast<long long>(n));
  std::printf("%-14s %8lld\n", "kept", static_cast<long long>(n_kept));
  return {};
}

}  // namespace

const Verb& filter_action() {
  static const Verb action = [] {
    Verb verb{"data filter",
              "keep the rows whose completions are right, readable and in one language",
              {"r1 data filter --data traces.jsonl --output kept.jsonl --dropped dropped.jsonl",
               "r1 data filter --data traces.jsonl --filters readable,repetition,length "
               "--max_length 20000"},
              {}};
    verb.run = [verb](const std::vector<std::string>& args) {
      FilterConfig config;
      return run_verb(verb, config, args, run);
    };
    return verb;
  }();
  return action;
}

}  // namespace r1
