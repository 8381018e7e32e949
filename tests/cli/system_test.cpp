// The program as a user meets it: help, mistakes on the command line, and each verb's work.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "cli/verbs.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

constexpr const char* kPrompt = "<bos> <user> 8 a + 4 b - 5 ? <assistant>";

Args generate_args(const Args& more) {
  return Args{"generate", "--model", tiny_model().string()} + more;
}

Json generate_json(const Args& more) {
  return Json::parse(must_run(generate_args(Args{"--json"} + more)), nullptr, false);
}

TEST(Program, SaysItsVersion) { EXPECT_TRUE(must_run({"--version"}).starts_with("r1 ")); }

TEST(Program, HelpOfEveryVerbNamesWhatItDoes) {
  const std::string overview = must_run({"--help"});
  for (const Verb& verb : verbs()) {
    EXPECT_HAS(overview, verb.name);
    const std::string help = must_run({verb.name, "--help"});
    EXPECT_HAS(help, verb.summary);
    for (const std::string& example : verb.examples) EXPECT_HAS(help, example);
  }
}

/// Every key of a run's config.toml with its table: "optimizer.beta1".
Args config_keys(const Path& file) {
  std::istringstream in(slurp(file));
  std::string table;
  Args keys;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("[")) table = line.substr(1, line.find(']') - 1) + ".";
    const size_t equals = line.find(" = ");
    if (equals != std::string::npos) keys.push_back(table + line.substr(0, equals));
  }
  return keys;
}

TEST(Program, HelpNamesEveryKeyThatARunRecords) {
  const std::string help = must_run({"pretrain", "--help"});
  const Args keys = config_keys(tiny_model().parent_path() / "config.toml");
  EXPECT_GT(keys.size(), 30u);
  for (const std::string& key : keys) EXPECT_HAS(help, "--" + key + " ");
}

TEST(Program, MistypedWordsSuggestTheNearest) {
  const Scratch scratch;
  const Outcome verb = run_r1({"generat"});
  EXPECT_EQ(verb.status, 2);
  EXPECT_HAS(verb.err, "did you mean 'generate'?");
  EXPECT_HAS(must_fail({"rl", "--num_generation", "4"}), "did you mean '--num_generations'?");
  EXPECT_HAS(must_fail({"rl", "--set", "betta=1"}), "did you mean 'beta'?");
  spill(scratch / "c.toml", "seed = 1\nlearning_rat = 0.1\n");
  const std::string error = must_fail({"rl", "--config", (scratch / "c.toml").string()});
  EXPECT_HAS(error, "c.toml:2:1");
  EXPECT_HAS(error, "did you mean 'learning_rate'?");
}

TEST(Program, ValuesOutOfRangeAreRefusedByName) {
  const std::vector<std::pair<Args, std::string>> cases{
      {{"--temperature", "-1"}, "temperature"},
      {{"--top_p", "7"}, "top_p"},
      {{"--top_k", "-1"}, "top_k"},
      {{"--max_tokens", "0"}, "max_tokens"},
      {{"--dtype", "int3"}, "dtype"},
      {{"--engine.n_pages", "1"}, "engine.n_pages"},
      {{"--engine.max_sequences", "0"}, "engine.max_sequences"},
      {{"--compute.backend", "abacus"}, "this machine has"},
      {{"--compute.threads", "-3"}, "threads"},
      {{"--ids", "1,403"}, "not both"}};
  for (const auto& [args, word] : cases) {
    EXPECT_HAS(must_fail(generate_args(Args{"--prompt", kPrompt} + args)), word);
  }
  EXPECT_HAS(must_fail(generate_args({"--ids", "1,99999"})), "vocabulary");
  EXPECT_HAS(must_fail(generate_args({"--ids", "1,x"})), "--ids");
}

TEST(Generate, SameSeedSameTextAnotherSeedAnother) {
  const Args args{"--prompt", kPrompt, "--max_tokens", "20", "--ignore_eos", "--seed"};
  const Json one = generate_json(args + Args{"1"});
  ASSERT_TRUE(one.is_object());
  EXPECT_EQ(one, generate_json(args + Args{"1"}));
  EXPECT_NE(one["completions"], generate_json(args + Args{"2"})["completions"]);
  const Json& first = one["completions"][0];
  EXPECT_EQ(first["ids"].size(), 20u);
  EXPECT_EQ(first["logprobs"].size(), 20u);
  EXPECT_EQ(first["finish_reason"], "length");
}

TEST(Generate, SamplesOfOnePromptDifferAndEachEqualsItself) {
  const Args args{"--prompt", kPrompt, "--max_tokens", "12", "--ignore_eos", "--n"};
  const Json three = generate_json(args + Args{"3"})["completions"];
  ASSERT_EQ(three.size(), 3u);
  EXPECT_NE(three[0]["ids"], three[1]["ids"]);
  EXPECT_EQ(three[0], generate_json(args + Args{"1"})["completions"][0]);
}

TEST(Generate, StopTextEndsTheAnswerAndIsLeftOut) {
  const Args args{"--prompt", kPrompt, "--max_tokens", "12", "--ignore_eos"};
  const Json whole = generate_json(args)["completions"][0];
  std::istringstream words(whole["text"].get<std::string>());
  std::string first, second;
  words >> first >> second;
  const Json cut = generate_json(args + Args{"--stop", " " + second})["completions"][0];
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_LT(cut["ids"].size(), whole["ids"].size());
  const std::string text = cut["text"];
  EXPECT_TRUE(whole["text"].get<std::string>().starts_with(text));
  EXPECT_EQ(text.find(" " + second), std::string::npos);
}

TEST(Generate, WorksOnIdsWhereThereIsNoTokenizer) {
  const Scratch scratch;
  std::filesystem::copy(tiny_model(), scratch / "m");
  std::filesystem::remove(scratch / "m" / "tokenizer.json");
  const Args args{"generate", "--model", (scratch / "m").string()};
  EXPECT_HAS(must_fail(args + Args{"--prompt", "8"}), "tokenizer.json");
  const std::string out =
      must_run(args + Args{"--ids", "1,3,5", "--max_tokens", "4", "--ignore_eos"});
  EXPECT_EQ(Json::parse(out, nullptr, false).size(), 4u) << out;
}

TEST(Chat, AnswersEachLineOfAPipe) {
  const Args args{"chat", "--model", tiny_model().string(), "--max_tokens", "3"};
  const Outcome one = run_r1(args, {.input = "8 a + 4 ?\n"});
  const Outcome two = run_r1(args, {.input = "8 a + 4 ?\n9 a - 2 ?"});
  EXPECT_EQ(two.status, 0) << two.err;
  EXPECT_TRUE(two.out.starts_with(one.out)) << two.out;
  EXPECT_GE(std::count(two.out.begin(), two.out.end(), '\n'), 2);
}

TEST(Data, WritesWhatTheTrainersRead) {
  const Scratch scratch;
  const std::string tiny = tiny_model().string();
  const auto write = [&](const std::string& split) {
    const std::string file = (scratch / (split + ".jsonl")).string();
    must_run({"data", "--split", split, "--n", "40", "--output", file});
    return file;
  };
  const std::string train = write("train"), test = write("test"), corpus = write("corpus");
  const std::string cold_start = write("cold_start");
  EXPECT_NE(slurp(train), slurp(test));
  EXPECT_EQ(must_run({"data", "--split", "train", "--n", "40"}), slurp(train));
  EXPECT_HAS(must_run({"data", "--inspect", train}), "answer       40 rows");
  EXPECT_HAS(must_fail({"data", "--split", "dev"}), "cold_start");

  must_run({"pretrain", "--model", tiny, "--data", corpus, "--max_steps", "2", "--output_dir",
            (scratch / "p").string()});
  must_run({"sft", "--model", tiny, "--data", cold_start, "--max_steps", "2", "--output_dir",
            (scratch / "s").string()});
  must_run({"rl", "--model", tiny, "--data", train, "--max_steps", "2", "--num_generations", "2",
            "--train_batch_size", "2", "--eval_data", test, "--eval_steps", "1", "--eval_limit",
            "4", "--output_dir", (scratch / "r").string()});
  for (const char* run : {"p", "s", "r"}) {
    must_run({"generate", "--model", (scratch / run / "final").string(), "--prompt", kPrompt});
  }
  EXPECT_HAS(slurp(scratch / "r" / "metrics.jsonl"), "\"eval/pass@1\"");
}

TEST(Eval, WritesItsSummaryAndEveryCompletion) {
  const Scratch scratch;
  must_run({"eval", "--model", tiny_model().string(), "--limit", "6", "--samples", "4", "--json",
            (scratch / "e.json").string(), "--samples_out", (scratch / "s.jsonl").string()});
  const Json summary = Json::parse(slurp(scratch / "e.json"), nullptr, false);
  ASSERT_TRUE(summary.is_object());
  for (const char* key : {"pass@1", "pass@1_stderr", "cons@4", "pass@4", "format_rate",
                          "mean_length", "truncated_rate"}) {
    EXPECT_TRUE(summary.contains(key)) << key;
  }
  const std::string samples = slurp(scratch / "s.jsonl");
  EXPECT_EQ(std::count(samples.begin(), samples.end(), '\n'), 24);
}

TEST(Doctor, TellsWhatTheMachineOffers) {
  const std::string out = must_run({"doctor", "--seconds", "0.01"});
  for (const char* name : {"cores", "peak generic", "(chosen)", "memory", "disk free"}) {
    EXPECT_HAS(out, name);
  }
}

/// stories260K's published greedy story.
TEST(Generate, TellsTheStoryThatOthersPublished) {
  const char* data = std::getenv("R1_SHARED_DATA");
  const Path folder = Path(data ? data : "") / "models" / "stories260K";
  if (!data || !std::filesystem::exists(folder / "hf")) {
    GTEST_SKIP() << "set R1_SHARED_DATA to the folder of shared data to run this test";
  }
  const Json expected = Json::parse(slurp(folder / "expected.json"));
  const Json got = Json::parse(must_run(
      {"generate", "--model", (folder / "hf").string(), "--ids", "1", "--temperature", "0",
       "--max_tokens", std::to_string(expected["ids"].size() - 1), "--ignore_eos", "--json"}));
  Json ids = got["prompt_ids"];
  for (const Json& id : got["completions"][0]["ids"]) ids.push_back(id);
  EXPECT_EQ(ids, expected["ids"]);
  EXPECT_EQ(got["completions"][0]["text"], expected["text"]);
}

}  // namespace
}  // namespace r1
