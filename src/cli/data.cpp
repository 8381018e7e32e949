// r1 data: writes the built-in task as JSONL, or says what a JSONL file holds; its actions do more.
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/actions.h"
#include "cli/data_actions.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "data/last_digit.h"
#include "data/last_digit_preferences.h"
#include "data/row.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

struct DataConfig {
  std::string task = "last_digit";
  std::string split = "train";
  int64_t n = 1000;
  uint64_t seed = 0;
  std::string style = "careful", language = "en";
  double slip_rate = 0.1;
  std::string output;
  std::string inspect;
  DatasetOptions columns;

  void visit(auto&& f) {
    f("task", task, "the built-in task to write: last_digit");
    f("split", split,
      "train or test (problems), corpus (pretraining text), cold_start (for r1 sft), preferences "
      "or "
      "preferences_test (for r1 reward train)");
    f("n", n, "rows to write");
    f("seed", seed, "same seed, same rows");
    f("style", style, "cold_start: careful (checks and corrections), work, or steps");
    f("language", language, "cold_start: en, fr, or mixed (drawn for every word)");
    f("slip_rate", slip_rate,
      "cold_start: chance of a wrong digit at each step; answers are right");
    f("output", output, "the JSONL file to write; none: standard output");
    f("inspect", inspect, "say what this JSONL file holds instead of writing one");
    columns.visit(f);
  }
};

constexpr std::pair<const char*, TraceStyle> kStyles[] = {
    {"careful", TraceStyle::kCareful}, {"work", TraceStyle::kWork}, {"steps", TraceStyle::kSteps}};
constexpr std::pair<const char*, Language> kLanguages[] = {
    {"en", Language::kEnglish}, {"fr", Language::kFrench}, {"mixed", Language::kMixed}};

template <class T, size_t N>
const T* find_name(const std::pair<const char*, T> (&known)[N], const std::string& name) {
  for (const auto& [text, value] : known) {
    if (name == text) return &value;
  }
  return nullptr;
}

Result<void> check_cold_start(const DataConfig& config) {
  if (!find_name(kStyles, config.style))
    return fail("style is '{}'; known: careful, work, steps", config.style);
  if (!find_name(kLanguages, config.language))
    return fail("language is '{}'; known: en, fr, mixed", config.language);
  if (!(config.slip_rate >= 0 && config.slip_rate <= 0.5))
    return fail("slip_rate is {}; it is 0 to 0.5", config.slip_rate);
  return {};
}

/// Without the tokens that the chat template and the trainer put around it.
std::string without_eos(std::string completion) {
  constexpr std::string_view kEnd = " <eos>";
  if (completion.ends_with(kEnd)) completion.resize(completion.size() - kEnd.size());
  return completion;
}

Json problem_row(const DataConfig& config, int64_t index) {
  const Problem problem = last_digit_problem(config.seed, config.split == "test", index);
  return {{"id", problem.id},
          {"prompt", problem.messages[0].content},
          {"answer", problem.answer},
          {"difficulty", problem.difficulty}};
}

/// Whole documents: every word is learned, of the prompt too.
Json corpus_row(const DataConfig& config, int64_t index) {
  const Document document = last_digit_document(config.seed, index);
  return {{"text", document.prompt + " " + without_eos(document.completion)}};
}

Json cold_start_row(const DataConfig& config, int64_t index) {
  const Json provenance{{"source", "r1 data"},   {"task", config.task},
                        {"seed", config.seed},   {"index", index},
                        {"style", config.style}, {"language", config.language}};
  const Problem worked =
      last_digit_cold_start_problem(config.seed, index,
                                    {*find_name(kStyles, config.style),
                                     *find_name(kLanguages, config.language), config.slip_rate});
  return Json::parse(write_row(worked, provenance.dump()));
}

Json preference_row(const DataConfig& config, int64_t index) {
  const LastDigitPreference pair =
      last_digit_preference(config.seed, config.split == "preferences_test", index);
  return {{"id", pair.id},         {"prompt", pair.prompt},     {"answer", pair.answer},
          {"chosen", pair.chosen}, {"rejected", pair.rejected}, {"kind", pair.kind}};
}

using Row = Json (*)(const DataConfig&, int64_t index);

Result<Row> row_of(const DataConfig& config) {
  if (config.task != "last_digit") return fail("unknown task '{}'; known: last_digit", config.task);
  const std::map<std::string, Row> rows{
      {"train", problem_row},          {"test", problem_row},
      {"corpus", corpus_row},          {"cold_start", cold_start_row},
      {"preferences", preference_row}, {"preferences_test", preference_row}};
  const auto row = rows.find(config.split);
  if (row != rows.end()) return row->second;
  return fail(
      "unknown split '{}'; known: train, test, corpus, cold_start, preferences, preferences_test",
      config.split);
}

Result<void> write_rows(const DataConfig& config) {
  if (config.n < 1) return fail("n is {}; it must be at least 1", config.n);
  R1_RETURN_IF_ERROR(check_cold_start(config));
  R1_TRY(const Row row, row_of(config));
  std::string text;
  for (int64_t i = 0; i < config.n; ++i) text += row(config, i).dump() + "\n";
  return put_rows(config.output, config.n, text);
}

size_t prompt_length(const Problem& problem) {
  size_t n = 0;
  for (const Message& message : problem.messages) n += message.content.size();
  return n;
}

/// "prompt       1000 rows, 17 to 37 bytes, median 27"
void print_lengths(const char* name, std::vector<size_t> lengths, const char* use) {
  std::erase(lengths, 0u);
  if (lengths.empty()) return;
  std::sort(lengths.begin(), lengths.end());
  std::printf("%-12s %zu rows, %zu to %zu bytes, median %zu  (%s)\n", name, lengths.size(),
              lengths.front(), lengths.back(), lengths[lengths.size() / 2], use);
}

Result<void> inspect(const DataConfig& config) {
  R1_TRY(const std::vector<Problem> rows, read_problems(config.inspect, config.columns));
  std::vector<size_t> prompts, answers, completions;
  std::map<std::string, int64_t> others;
  for (const Problem& row : rows) {
    prompts.push_back(prompt_length(row));
    answers.push_back(row.answer.size());
    completions.push_back(row.completion.size());
    for (const auto& column : row.columns) ++others[column.first];
  }
  std::printf("%-12s %zu\n", "rows", rows.size());
  print_lengths("prompt", prompts, "what is asked");
  print_lengths("answer", answers, "the reference: r1 rl, r1 eval");
  print_lengths("completion", completions, "what is learned: r1 sft, r1 pretrain");
  std::string names;
  for (const auto& [name, count] : others) {
    names += fmt::format("{}{} ({} rows)", names.empty() ? "" : ", ", name, count);
  }
  if (!names.empty()) std::printf("%-12s %s\n", "not used", names.c_str());
  const Problem& first = rows.front();
  std::printf("\nfirst row, %s:\n", first.id.c_str());
  for (const Message& m : first.messages)
    std::printf("%s: %s\n", m.role.c_str(), m.content.c_str());
  if (!first.completion.empty()) std::printf("completion: %s\n", first.completion.c_str());
  if (!first.answer.empty()) std::printf("answer: %s\n", first.answer.c_str());
  return {};
}

std::vector<Action> actions() {
  std::vector<Action> list;
  for (const Verb* action : {&math_action(), &filter_action(), &tokenize_action(), &needle_action(),
                             &program_action(), &decontaminate_action()})
    list.push_back({*action, [](const Verb& own, const std::vector<std::string>& args) {
                      return own.run(args);
                    }});
  return list;
}

}  // namespace

Result<void> put_rows(const std::string& output, int64_t n_rows, const std::string& text) {
  if (output.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  }
  R1_RETURN_IF_ERROR(write_text_atomic(output, text));
  log_info("{}: {} rows, {}", output, n_rows, human_bytes(static_cast<double>(text.size())));
  return {};
}

Verb data_verb() {
  Verb verb{
      "data",
      "write the built-in task as JSONL, or say what a JSONL file holds",
      {"r1 data --split train --n 5", "r1 data --split test --n 500 --output test.jsonl",
       "r1 data --split preferences --n 3000 --output pairs.jsonl", "r1 data --inspect gsm8k.jsonl",
       "r1 data --split cold_start --n 300 --language en --output cold.jsonl",
       "r1 data math --help", "r1 data filter --help", "r1 data tokenize --help",
       "r1 data needle --help", "r1 data program --help", "r1 data decontaminate --help"},
      {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    if (!args.empty() && !args[0].starts_with("-")) return run_actions(verb, actions(), args);
    DataConfig config;
    return run_verb(verb, config, args,
                    [](DataConfig& c) { return c.inspect.empty() ? write_rows(c) : inspect(c); });
  };
  return verb;
}

}  // namespace r1
