// Does training data contain what a model will be tested on? Overlaps of n words, 10 as in V3 and
// R1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"

namespace r1 {

/// A training row that shares n words in a row with a test row.
struct Overlap {
  std::string train_id, test_id;
  std::string words;  // the first that both have
};

struct DecontaminationReport {
  int64_t n_train = 0, n_test = 0, n_contaminated = 0;  // rows
  std::map<std::string, int64_t> by_test;               // contaminated rows of each test file
  int64_t n_touched_tests = 0;                          // test rows that some training row overlaps
  std::vector<Overlap> overlaps;                        // the first `keep` of them
};

/// The n-grams of test rows: of what is asked, of the reference solution and of every other text
/// of the row. Words are compared in lower case, without punctuation; a character of a script
/// without spaces is a word. A question of fewer words counts as a whole.
/// Deviation: the papers publish neither what a word is nor which texts of a row are taken.
class TestGrams {
 public:
  explicit TestGrams(int n = 10) : n_(n) {}

  void add(const Problem& test, const std::string& file);
  /// The first overlap of a training row.
  struct Found {
    size_t test = 0;  // index into ids
    std::string words;
  };
  std::optional<Found> find(const Problem& train) const;

  const std::vector<std::pair<std::string, std::string>>& rows() const { return rows_; }

 private:
  int n_;
  std::vector<std::pair<std::string, std::string>> rows_;  // file, id
  std::unordered_map<std::string, size_t> grams_;          // looked up only, never walked through
};

struct DecontaminateConfig {
  std::string train;
  std::vector<std::string> test;
  int ngram = 10;
  int keep = 20;
  std::string output;
  std::string json;
  DatasetOptions columns;

  void visit(auto&& f) {
    f("train", train, "JSONL that a model learns from");
    f("test", test, "JSONL files that it will be tested on");
    f("ngram", ngram, "words in a row that make an overlap");
    f("keep", keep, "overlaps that are listed");
    f("output", output, "write the training rows without an overlap to this file");
    f("json", json, "write counts and overlaps to this file");
    columns.visit(f);
  }
  Result<void> validate() const;
};

Result<DecontaminationReport> decontaminate(const DecontaminateConfig& config);

/// For people: counts, then the overlaps.
std::string describe(const DecontaminationReport& report, int ngram);
std::string decontamination_to_json(const DecontaminationReport& report, int ngram);

}  // namespace r1
