// r1 eval on several models and data sets, thinking budgets, general ability; r1 data
// decontaminate.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Json read_json(const Path& file) { return Json::parse(slurp(file), nullptr, false); }

/// Problems of the built-in task as a file.
const Path& problems_file() {
  static const Scratch scratch;
  static const Path file = [] {
    must_run({"data", "--split", "test", "--n", "6", "--output", (scratch / "six.jsonl").string()});
    return scratch / "six.jsonl";
  }();
  return file;
}

const Path& other_model() {
  static const Scratch scratch;
  static const Path folder = [] {
    must_run(pretrain_args(scratch / "run", 2));
    return scratch / "run" / "final";
  }();
  return folder;
}

TEST(EvalVerb, OneModelOnOneSetKeepsItsForm) {
  const Scratch scratch;
  const std::string out =
      must_run({"eval", "--model", tiny_model().string(), "--limit", "4", "--samples", "2",
                "--max_tokens", "8", "--json", (scratch / "e.json").string()});
  EXPECT_HAS(out, "pass@1");
  EXPECT_HAS(out, "(4 problems × 2)");
  const Json json = read_json(scratch / "e.json");
  for (const char* key : {"pass@1", "pass@1_stderr", "cons@2", "pass@2", "format_rate",
                          "mean_length", "truncated_rate", "one_language_rate", "reflection"})
    EXPECT_TRUE(json.contains(key)) << key;
}

TEST(EvalVerb, ManyModelsOnManySetsAreOneTable) {
  const Scratch scratch;
  const std::string models = tiny_model().string() + "," + other_model().string();
  const std::string out = must_run({"eval",
                                    "--models",
                                    models,
                                    "--data",
                                    "builtin:last_digit," + problems_file().string(),
                                    "--limit",
                                    "5",
                                    "--samples",
                                    "4",
                                    "--max_tokens",
                                    "8",
                                    "--json",
                                    (scratch / "e.json").string(),
                                    "--markdown",
                                    (scratch / "e.md").string(),
                                    "--html",
                                    (scratch / "e.html").string(),
                                    "--samples_out",
                                    (scratch / "s.jsonl").string(),
                                    "--general_data",
                                    "builtin:last_digit",
                                    "--general_limit",
                                    "10",
                                    "--thinking_budgets",
                                    "0,4"});
  EXPECT_HAS(out, "last_digit");
  EXPECT_HAS(out, "against the first");
  EXPECT_HAS(out, "thinking budget");
  const Json json = read_json(scratch / "e.json");
  ASSERT_EQ(json["results"].size(), 4u);
  EXPECT_EQ(json["results"][0]["pass@k"].size(), 3u);  // 1, 2, 4
  EXPECT_EQ(json["results"][0]["thinking_budget"].size(), 3u);
  EXPECT_EQ(json["general"].size(), 6u);
  EXPECT_EQ(json["differences"].size(), 2u + 3u);
  EXPECT_HAS(slurp(scratch / "e.md"), "| --- |");
  const std::string page = slurp(scratch / "e.html");
  EXPECT_HAS(page, "Test-time compute");
  EXPECT_HAS(page, "at least one right");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_HAS(slurp(scratch / "s.jsonl"), "\"model\":");
}

TEST(EvalVerb, TheSameCommandGivesTheSameFile) {
  const Scratch scratch;
  for (const char* name : {"a.json", "b.json"})
    must_run({"eval", "--model", tiny_model().string(), "--limit", "4", "--samples", "4",
              "--max_tokens", "8", "--thinking_budgets", "3", "--json", (scratch / name).string()});
  EXPECT_EQ(slurp(scratch / "a.json"), slurp(scratch / "b.json"));
}

TEST(EvalVerb, KilledItGoesOnAndWritesTheSameFiles) {
  const Scratch scratch;
  const auto args = [&](const std::string& name) {
    return Args{"eval",
                "--models",
                tiny_model().string() + "," + other_model().string(),
                "--data",
                "builtin:last_digit," + problems_file().string(),
                "--samples",
                "8",
                "--limit",
                "48",
                "--max_tokens",
                "24",
                "--thinking_budgets",
                "0,8",
                "--general_data",
                "builtin:last_digit",
                "--general_limit",
                "4",
                "--json",
                (scratch / (name + ".json")).string(),
                "--samples_out",
                (scratch / (name + ".jsonl")).string()};
  };
  const auto journal_of = [&](const std::string& name) {
    return scratch / (name + ".json.parts.jsonl");
  };
  must_run(args("whole"));
  EXPECT_FALSE(std::filesystem::exists(journal_of("whole")));
  for (const uintmax_t n_bytes : {1u, 100'000u}) {  // after the first part, after later ones
    run_r1(args("run"), {.kill_when = [&] {
             std::error_code none;
             const auto size = std::filesystem::file_size(journal_of("run"), none);
             return !none && size >= n_bytes;
           }});
  }
  EXPECT_FALSE(std::filesystem::exists(scratch / "run.json"));
  const Outcome rest = run_r1(args("run"));
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_HAS(rest.err, "last_digit: measured before");
  EXPECT_EQ(slurp(scratch / "run.json"), slurp(scratch / "whole.json"));
  EXPECT_EQ(slurp(scratch / "run.jsonl"), slurp(scratch / "whole.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(journal_of("run")));
}

TEST(EvalVerb, AnotherRunsPartsAreNotUsed) {
  const Scratch scratch;
  const std::string models = tiny_model().string() + "," + other_model().string();
  const auto args = [&](const std::string& name, const std::string& seed) {
    return Args{"eval",
                "--models",
                models,
                "--samples",
                "2",
                "--seed",
                seed,
                "--limit",
                "4",
                "--max_tokens",
                "8",
                "--json",
                (scratch / name).string()};
  };
  must_run(args("whole.json", "1"));
  run_r1(args("run.json", "0"), {.kill_when = [&] {
           std::error_code none;
           return std::filesystem::file_size(scratch / "run.json.parts.jsonl", none) > 0 && !none;
         }});
  const Outcome outcome = run_r1(args("run.json", "1"));
  EXPECT_EQ(outcome.err.find("measured before"), std::string::npos) << outcome.err;
  EXPECT_EQ(slurp(scratch / "run.json"), slurp(scratch / "whole.json"));
}

TEST(EvalVerb, ThePresetIsTheProtocolAndFlagsWin) {
  const std::string out =
      must_run({"eval", "--model", tiny_model().string(), "--limit", "2", "--preset", "deepseek",
                "--samples", "2", "--max_tokens", "6", "--thinking_budgets", "2"});
  EXPECT_HAS(out, "deepseek: temperature 0.6 · top-p 0.95 · 2 completions of at most 6 tokens");
  EXPECT_HAS(out, "<think> forced");
}

TEST(EvalVerb, MultipleChoiceIsJudgedByLettersAndByLikelihood) {
  const Scratch scratch;
  spill(scratch / "mc.jsonl",
        R"({"question": "so then", "choices": ["wait", "check"], "answer": 1})"
        "\n");
  const std::string mc = (scratch / "mc.jsonl").string();
  must_run({"eval", "--model", tiny_model().string(), "--data", mc, "--samples", "2",
            "--max_tokens", "4", "--general_data", mc, "--json", (scratch / "e.json").string()});
  const Json json = read_json(scratch / "e.json");
  EXPECT_EQ(json["judge"], "choice");
  EXPECT_EQ(json["general"][0]["figure"], "accuracy");
}

TEST(EvalVerb, RefusesWhatMakesNoSense) {
  const Args base{"eval", "--model", tiny_model().string(), "--limit", "2"};
  EXPECT_HAS(must_fail(base + Args{"--preset", "openai"}), "known: none, deepseek");
  EXPECT_HAS(must_fail(base + Args{"--thinking_budgets", "1.5"}), "whole number");
  EXPECT_HAS(must_fail(base + Args{"--thinking_budgets", "-1"}), "whole number");
  EXPECT_HAS(must_fail(base + Args{"--models", "a,b"}), "exclude each other");
  EXPECT_HAS(must_fail({"eval"}), "model is not set");
  EXPECT_HAS(must_fail(base + Args{"--general_data", problems_file().string()}),
             "neither a text nor multiple choice");
}

TEST(DecontaminateVerb, CountsListsAndCleans) {
  const Scratch scratch;
  spill(scratch / "test.jsonl", R"({"prompt": "What is 6 * 7?", "answer": "42"})"
                                "\n");
  spill(scratch / "train.jsonl", R"({"prompt": "what is 6 * 7", "completion": "42"})"
                                 "\n"
                                 R"({"prompt": "What is 5 * 7?", "completion": "35"})"
                                 "\n");
  const std::string out =
      must_run({"data", "decontaminate", "--train", (scratch / "train.jsonl").string(), "--test",
                (scratch / "test.jsonl").string(), "--output", (scratch / "clean.jsonl").string(),
                "--json", (scratch / "d.json").string()});
  EXPECT_HAS(out, "1 of 2 training rows");
  EXPECT_EQ(slurp(scratch / "clean.jsonl"), R"({"prompt": "What is 5 * 7?", "completion": "35"})"
                                            "\n");
  EXPECT_EQ(read_json(scratch / "d.json")["overlaps"][0]["train"], "train.jsonl:1");
  EXPECT_HAS(must_fail({"data", "decontaminate", "--train", (scratch / "train.jsonl").string()}),
             "test is not set");
}

}  // namespace
}  // namespace r1
