// The end of a run for people and programs: a page to show around, a terminal table, a summary
// file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "recipes/chart.h"

namespace r1 {

/// One model as evaluated. Rates are shares of 1; what was not measured is NaN.
struct StageRow {
  std::string name;
  double pass_at_1 = 0, pass_at_1_stderr = 0;  // the error is over problems
  double cons_at_16 = 0, pass_at_16 = 0;
  double mean_length = 0;  // tokens
  double format_rate = 0, truncated_rate = 0;
  int64_t steps = 0, tokens = 0;  // spent on this stage
  double seconds = 0;
};

/// A figure of the strip on top: a value, what it is, and the numbers behind it.
struct Headline {
  std::string value, label, note;
};

/// One problem and what the model answered over time.
struct SampleCard {
  struct Answer {
    std::string when;  // "step 0"
    std::string text;
    bool correct = false;
    bool format_ok = false;
    double reward = 0;
  };
  std::string problem, answer;
  std::vector<Answer> answers;
};

struct NextStep {
  std::string command, what;
};

using Facts = std::vector<std::pair<std::string, std::string>>;

struct Report {
  std::string title, subtitle;
  std::string machine, command;
  std::vector<Headline> headlines;  // empty: the first stage against the last
  std::vector<Chart> charts;
  std::vector<StageRow> stages;
  std::vector<SampleCard> samples;
  Facts facts;  // seeds, config, versions
  std::vector<std::string> notes;
  std::vector<NextStep> next;
};

/// pass@1, length and format of two stages, and the seconds that lie between.
std::vector<Headline> compare_stages(const StageRow& before, const StageRow& after, double seconds);

/// One HTML file that asks for nothing from outside: no scripts, fonts or pictures.
std::string render_report(const Report& report);

/// Columns aligned under a header, a line a stage, the best pass@1 marked. colour: ANSI escapes.
std::string render_terminal_table(const std::vector<StageRow>& stages, bool colour);

/// What summary.json says about the run besides its stages. An extra entry stands at top level.
struct SummaryFields {
  uint64_t seed = 0;
  std::string machine, version, command;
  double total_seconds = 0;
  std::map<std::string, std::variant<bool, int64_t, double, std::string>> extra;
};

/// JSON; the keys of a stage are name, pass@1, pass@1_stderr, cons@16, pass@16, mean_length,
/// format_rate, truncated_rate, steps, tokens, seconds. What is not a number is null.
std::string summary_json(const std::vector<StageRow>& stages, const SummaryFields& fields);

}  // namespace r1
