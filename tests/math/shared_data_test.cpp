// Agreement with labelled data of others; skipped without R1_SHARED_DATA.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "math/verify.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

std::vector<Json> rows_of(const std::string& name) {
  std::vector<Json> rows;
  const char* folder = std::getenv("R1_SHARED_DATA");
  if (!folder) return rows;
  std::ifstream in(std::string(folder) + "/" + name);
  for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
  return rows;
}

std::string short_form(const std::string& text) {
  return text.size() < 120 ? text : "..." + text.substr(text.size() - 120);
}

/// Counts verdicts against labels, and what they cost.
struct Tally {
  int n = 0, n_agree = 0;
  double total_ms = 0, worst_ms = 0;

  MathVerdict judge(const std::string& gold, const std::string& answer, bool expected,
                    const MathOptions& options = {}) {
    const double begin = now();
    MathVerdict verdict = verify_answer(gold, answer, options);
    const double ms = now() - begin;
    total_ms += ms;
    worst_ms = std::max(worst_ms, ms);
    ++n;
    n_agree += verdict.equal == expected;
    if (verdict.equal != expected) {
      std::printf("  expected %d: %s against %s (%s | %s: %s)\n", expected,
                  short_form(gold).c_str(), short_form(answer).c_str(), verdict.gold.c_str(),
                  verdict.answer.c_str(), verdict.reason.c_str());
    }
    return verdict;
  }

  void report(const std::string& name) const {
    std::printf("  %s: %d of %d agree, %.4f ms mean, %.2f ms worst\n", name.c_str(), n_agree, n,
                total_ms / n, worst_ms);
  }

  static double now() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
  }
};

#define R1_NEED_ROWS(rows) \
  if (rows.empty()) GTEST_SKIP() << "needs R1_SHARED_DATA, a folder with the labelled data"

TEST(SharedData, CasesOfOtherVerifiersAgreeBySource) {
  const auto rows = rows_of("math_verify/cases.jsonl");
  R1_NEED_ROWS(rows);
  std::map<std::string, Tally> by_source;
  for (const Json& row : rows) {
    const std::string source = row["source"].get<std::string>();
    const std::string origin = source.substr(0, source.find('/'));
    MathOptions options;
    options.ordered_lists = origin == "hendrycks-math";
    if (origin == "MARIO_EVAL") options.min_digits = 4;  // it rounds to three decimals
    by_source[origin].judge(row["gold"], row["answer"], row["equal"], options);
  }
  for (const auto& [origin, tally] : by_source) {
    tally.report(origin);
    EXPECT_GE(tally.n_agree, (origin == "Math-Verify" ? 0.97 : 0.9) * tally.n) << origin;
  }
}

TEST(SharedData, ReferenceSolutionsAreAcceptedAndOthersAreNot) {
  const auto gsm8k = rows_of("gsm8k/test_first660.jsonl");
  const auto math = rows_of("math/math500_even.jsonl");
  R1_NEED_ROWS(math);
  Tally own, other;
  std::map<std::string, std::vector<std::string>> golds;
  for (const Json& row : gsm8k) {
    const std::string solution = row["answer"];
    golds["gsm8k"].push_back(solution.substr(solution.rfind("#### ") + 5));
    own.judge(golds["gsm8k"].back(), solution, true);
  }
  for (const Json& row : math) {
    golds[row["subject"]].push_back(row["answer"]);
    own.judge(row["answer"], row["solution"], true);
  }
  for (const auto& [subject, answers] : golds) {
    for (size_t i = 0; i < answers.size(); ++i) {
      for (size_t step = 1; step <= 10; ++step) {
        const std::string& answer = answers[(i + step) % answers.size()];
        if (answer != answers[i]) other.judge(answers[i], "\\boxed{" + answer + "}", false);
      }
    }
  }
  own.report("own solutions");
  other.report("shuffled references");
  EXPECT_GE(own.n_agree, 0.995 * own.n);
  EXPECT_GE(other.n_agree, 0.999 * other.n);
}

TEST(SharedData, LabelledModelSolutionsAgree) {
  const auto gsm8k = rows_of("gsm8k/model_solutions_labelled_first300.jsonl");
  const auto math = rows_of("math/qwen25math_cot_8samples_first30.jsonl");
  R1_NEED_ROWS(gsm8k);
  Tally labelled, graded;
  for (const Json& row : gsm8k) {
    for (const auto& [name, solution] : row["solutions"].items()) {
      labelled.judge(row["ground_truth"], solution["solution"], solution["is_correct"]);
    }
  }
  for (const Json& row : math) {
    for (size_t i = 0; i < row["response"].size(); ++i) {
      graded.judge(row["gt"], row["response"][i], row["score"][i]);
    }
  }
  labelled.report("GSM8K model solutions");
  graded.report("Qwen responses");
  EXPECT_GE(labelled.n_agree, 0.99 * labelled.n);
  EXPECT_GE(graded.n_agree, 0.98 * graded.n);
}

}  // namespace
}  // namespace r1
