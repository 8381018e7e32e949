#include "eval/decontaminate.h"

#include <nlohmann/json.hpp>
#include <set>

#include "data/published.h"
#include "reward/repetition.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;

/// The texts inside a JSON value, however deep.
void add_texts(const nlohmann::json& value, std::vector<std::string>& texts) {
  if (value.is_string()) texts.push_back(value.get<std::string>());
  if (!value.is_structured()) return;
  for (const auto& item : value) add_texts(item, texts);
}

/// What is asked first, then everything else the row says.
std::vector<std::string> texts_of(const Problem& row) {
  std::vector<std::string> texts;
  const std::string question = question_of(row);
  if (!question.empty()) texts.push_back(question);
  for (const Message& message : row.messages) {
    if (question.empty() && message.role != "system") texts.push_back(message.content);
  }
  texts.push_back(row.completion);
  texts.push_back(row.answer);
  for (const auto& [name, json] : row.columns) {
    if (name != "question") add_texts(nlohmann::json::parse(json, nullptr, false), texts);
  }
  return texts;
}

std::string join(const std::vector<std::string>& words, size_t begin, size_t n) {
  std::string gram;
  for (size_t i = begin; i < begin + n; ++i) {
    if (i > begin) gram += ' ';
    gram += words[i];
  }
  return gram;
}

/// Calls use(n-gram) for each of a row; false ends it. The question counts whole when it is short.
void for_each_gram(const Problem& row, size_t n,
                   const std::function<bool(const std::string&)>& use) {
  bool is_question = true;
  for (const std::string& text : texts_of(row)) {
    const std::vector<std::string> words = repetition_words(text, /*ignore_numbers=*/false);
    if (is_question && !words.empty() && words.size() < n && !use(join(words, 0, words.size())))
      return;
    is_question = false;
    for (size_t i = 0; i + n <= words.size(); ++i) {
      if (!use(join(words, i, n))) return;
    }
  }
}

}  // namespace

void TestGrams::add(const Problem& test, const std::string& file) {
  const size_t index = rows_.size();
  rows_.emplace_back(file, test.id);
  for_each_gram(test, static_cast<size_t>(n_), [&](const std::string& gram) {
    grams_.emplace(gram, index);  // the first row that has it
    return true;
  });
}

std::optional<TestGrams::Found> TestGrams::find(const Problem& train) const {
  std::optional<Found> found;
  for_each_gram(train, static_cast<size_t>(n_), [&](const std::string& gram) {
    const auto at = grams_.find(gram);
    if (at != grams_.end()) found = Found{at->second, gram};
    return !found;
  });
  return found;
}

Result<void> DecontaminateConfig::validate() const {
  if (train.empty()) return fail("train is not set; name a JSONL file: --train FILE");
  if (test.empty()) return fail("test is not set; name JSONL files: --test FILE,FILE");
  if (ngram < 1 || ngram > 1000) return fail("ngram is {}; it must be from 1 to 1000", ngram);
  if (keep < 0) return fail("keep is {}; it must not be negative", keep);
  return {};
}

Result<DecontaminationReport> decontaminate(const DecontaminateConfig& config) {
  R1_RETURN_IF_ERROR(config.validate());
  DecontaminationReport report;
  TestGrams grams(config.ngram);
  for (const std::string& file : config.test) {
    report.by_test[file] = 0;
    R1_RETURN_IF_ERROR(for_each_problem(file, config.columns, [&](Problem&& row) -> Result<void> {
      grams.add(row, file);
      return {};
    }));
  }
  report.n_test = static_cast<int64_t>(grams.rows().size());
  std::optional<AtomicFile> clean;
  if (!config.output.empty()) {
    R1_TRY(AtomicFile file, AtomicFile::create(config.output));
    clean.emplace(std::move(file));
  }
  std::set<size_t> touched;
  const auto look = [&](Problem&& row, std::string_view line) -> Result<void> {
    ++report.n_train;
    const auto found = grams.find(row);
    if (!found) {
      if (!clean) return {};
      while (line.ends_with('\r')) line.remove_suffix(1);
      R1_RETURN_IF_ERROR(clean->write(line));
      return clean->write("\n");
    }
    ++report.n_contaminated;
    touched.insert(found->test);
    const auto& [file, id] = grams.rows()[found->test];
    ++report.by_test[file];
    if (std::ssize(report.overlaps) < config.keep)
      report.overlaps.push_back({row.id, id, found->words});
    return {};
  };
  R1_RETURN_IF_ERROR(for_each_row(config.train, config.columns, look));
  report.n_touched_tests = static_cast<int64_t>(touched.size());
  if (clean) R1_RETURN_IF_ERROR(clean->commit());
  return report;
}

std::string describe(const DecontaminationReport& r, int ngram) {
  std::string text = fmt::format(
      "{} of {} training rows share {} words in a row with one of {} test rows ({} of those are "
      "touched)",
      r.n_contaminated, r.n_train, ngram, r.n_test, r.n_touched_tests);
  for (const auto& [file, n] : r.by_test) text += fmt::format("\n  {}: {}", file, n);
  for (const Overlap& o : r.overlaps)
    text += fmt::format("\n  {} ~ {}: {}", o.train_id, o.test_id, o.words);
  if (r.n_contaminated > std::ssize(r.overlaps))
    text += fmt::format("\n  … {} more (--keep)", r.n_contaminated - std::ssize(r.overlaps));
  return text;
}

std::string decontamination_to_json(const DecontaminationReport& r, int ngram) {
  Json overlaps = Json::array();
  for (const Overlap& o : r.overlaps)
    overlaps.push_back({{"train", o.train_id}, {"test", o.test_id}, {"words", o.words}});
  const Json json{{"ngram", ngram},
                  {"n_train", r.n_train},
                  {"n_test", r.n_test},
                  {"n_contaminated", r.n_contaminated},
                  {"n_touched_tests", r.n_touched_tests},
                  {"by_test", r.by_test},
                  {"overlaps", overlaps}};
  return json.dump(2, ' ', false, kReplace);
}

}  // namespace r1
