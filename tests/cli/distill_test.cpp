// r1 distill from the command line: traces, logits, on-policy, features.
#include <nlohmann/json.hpp>

#include "base/http_server.h"
#include "cli/program.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Path repository(const std::string& name) { return Path(R1_SOURCE_DIR) / name; }

/// Rows of the built-in task with completions, which the teacher has not written.
const Path& rows_file() {
  static const Scratch scratch;
  static const Path file = [] {
    must_run({"data", "--split", "cold_start", "--n", "12", "--output",
              (scratch / "rows.jsonl").string()});
    return scratch / "rows.jsonl";
  }();
  return file;
}

Args student_shape() {
  return {"--new_model.d_model",    "16", "--new_model.n_layers", "1", "--new_model.n_heads", "2",
          "--new_model.n_kv_heads", "2",  "--new_model.head_dim", "8", "--new_model.d_ff",    "32"};
}

Args distill_args(const std::string& method, const Path& output_dir) {
  return Args{"distill",
              "--method",
              method,
              "--teacher",
              tiny_model().string(),
              "--output_dir",
              output_dir.string(),
              "--max_steps",
              "6",
              "--save_steps",
              "2",
              "--train_batch_size",
              "4",
              "--learning_rate",
              "1e-2"} +
         student_shape();
}

Args on(const Path& rows) { return {"--data", rows.string()}; }

std::vector<double> losses(const Path& run) {
  std::vector<double> all;
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);)
    all.push_back(Json::parse(line).at("loss").get<double>());
  return all;
}

TEST(DistillVerb, LogitsBringTheStudentNearer) {
  for (const char* divergence : {"forward_kl", "reverse_kl", "jsd"}) {
    const Scratch scratch;
    must_run(distill_args("logits", scratch / "run") + on(rows_file()) +
             Args{"--divergence", divergence, "--alpha", "0.9"});
    const std::vector<double> loss = losses(scratch / "run");
    ASSERT_EQ(loss.size(), 6u);
    EXPECT_LT(loss.back(), loss.front()) << divergence;
    EXPECT_TRUE(std::filesystem::exists(scratch / "run/final/model.safetensors"));
  }
}

TEST(DistillVerb, IsMeasuredOnHeldOutProblemsOnItsWay) {
  const Scratch scratch;
  const Args measured{"--eval_data",    rows_file().string(),
                      "--eval_steps",   "4",
                      "--eval_samples", "2",
                      "--eval_limit",   "3"};
  must_run(distill_args("logits", scratch / "plain") + on(rows_file()));
  must_run(distill_args("logits", scratch / "run") + on(rows_file()) + measured);
  std::vector<int> steps;
  std::ifstream in(scratch / "run/metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const Json json = Json::parse(line);
    if (json.contains("eval/pass@1")) steps.push_back(json.at("step").get<int>());
  }
  EXPECT_EQ(steps, (std::vector<int>{0, 4, 6}));
  // and learns the same
  EXPECT_EQ(slurp(scratch / "run/final/model.safetensors"),
            slurp(scratch / "plain/final/model.safetensors"));
  EXPECT_HAS(must_fail(distill_args("logits", scratch / "x") + on(rows_file()) +
                       Args{"--eval_steps", "2"}),
             "name a file: --eval_data FILE");
}

TEST(DistillVerb, ACachedTeacherGivesTheSameRunWithoutTheTeacher) {
  const Scratch scratch;
  const Args all = on(rows_file()) + Args{"--teacher_top_k", "8"};
  must_run(distill_args("logits", scratch / "a") + all);
  must_run(distill_args("logits", scratch / "b") + all +
           Args{"--teacher_cache", (scratch / "a/teacher_top_k.safetensors").string()});
  EXPECT_EQ(losses(scratch / "a"), losses(scratch / "b"));
}

TEST(DistillVerb, OnPolicyInBothForms) {
  const Scratch scratch;
  const Args sampled{"--lmbda", "1", "--max_completion_length", "8"};
  must_run(distill_args("on_policy", scratch / "a") + sampled + Args{"--divergence", "reverse_kl"});
  EXPECT_HAS(slurp(scratch / "a/metrics.jsonl"), "\"distill/divergence\"");
  must_run(distill_args("on_policy", scratch / "b") + sampled +
           Args{"--objective", "policy_gradient"});
  EXPECT_HAS(slurp(scratch / "b/metrics.jsonl"), "\"distill/reverse_kl\"");
  must_run(distill_args("on_policy", scratch / "c") + on(rows_file()) +
           Args{"--lmbda", "0.5", "--divergence", "jsd", "--max_completion_length", "8"});
  EXPECT_HAS(slurp(scratch / "c/metrics.jsonl"), "\"distill/on_policy\": 0");
}

TEST(DistillVerb, FeaturesOfATeacherOfAnotherWidth) {
  const Scratch scratch;
  must_run(distill_args("features", scratch / "run") + on(rows_file()) +
           Args{"--new_model.d_model", "24", "--new_model.n_layers", "2"});
  EXPECT_HAS(slurp(scratch / "run/metrics.jsonl"), "\"distill/features\"");
  must_run(distill_args("features", scratch / "cos") + on(rows_file()) +
           Args{"--feature_loss", "cosine", "--feature_layers", "0:0,1:1"});
  EXPECT_HAS(must_fail(distill_args("features", scratch / "no") + on(rows_file()) +
                       Args{"--feature_layers", "7:1"}),
             "feature_layers has '7:1'");
}

TEST(DistillVerb, EachMethodGoesOnAsIfNothingHadHappened) {
  for (const Args& method :
       {Args{"logits"}, Args{"on_policy", "--max_completion_length", "8"}, Args{"features"}}) {
    const Scratch scratch;
    const Args more = on(rows_file()) + Args(method.begin() + 1, method.end());
    must_run(distill_args(method[0], scratch / "whole") + more);
    must_run(distill_args(method[0], scratch / "part") + more + Args{"--max_steps", "3"});
    must_run(distill_args(method[0], scratch / "part") + more + Args{"--resume"});
    EXPECT_EQ(losses(scratch / "whole"), losses(scratch / "part")) << method[0];
    EXPECT_EQ(slurp(scratch / "whole/final/model.safetensors"),
              slurp(scratch / "part/final/model.safetensors"))
        << method[0];
  }
}

/// A vocabulary that is not the built-in task's, and a dense Llama with it.
Path other_student(const Path& folder) {
  std::filesystem::create_directories(folder);
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += "think answer first then wait check so 1 2 3 4 5 6 7 8 9 0\n";
  spill(folder / "corpus.txt", text);
  must_run({"tokenizer", "train", "--data", (folder / "corpus.txt").string(), "--vocab_size", "300",
            "--output_dir", (folder / "words").string()});
  for (const auto& file : std::filesystem::directory_iterator(folder / "words"))
    std::filesystem::copy(file, folder / file.path().filename());
  return folder;
}

TEST(DistillVerb, DifferentVocabulariesAreRefusedWithTheRemedy) {
  const Scratch scratch;
  const Path student = other_student(scratch / "student");
  Json config = Json::parse(slurp(repository("tests/golden/tiny_llama/config.json")));
  const Json tokenizer = Json::parse(slurp(student / "tokenizer.json"), nullptr, false);
  ASSERT_TRUE(tokenizer.is_object());
  config["vocab_size"] = 300;
  config["max_position_embeddings"] = 512;
  spill(student / "config.json", config.dump());
  const std::string error =
      must_fail({"distill", "--method", "logits", "--teacher", tiny_model().string(), "--model",
                 student.string(), "--data", rows_file().string(), "--output_dir",
                 (scratch / "run").string()});
  EXPECT_HAS(error, "different vocabularies");
  EXPECT_HAS(error, "--method traces");
}

TEST(DistillVerb, TracesOfAServerAreMeteredAndLearned) {
  TestServer server;
  std::atomic<int> n{0};
  server.server().Post("/v1/chat/completions", [&](const httplib::Request&,
                                                   httplib::Response& out) {
    if (n++ == 0) {
      out.status = 503;
      return;
    }
    out.set_content(
        R"({"choices":[{"message":{"content":"<think> so 8 + 4 = 2 </think> <answer> 2 </answer>"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":100}})",
        "application/json");
  });
  server.start();
  const Scratch scratch;
  const Args all{"distill",
                 "--method",
                 "traces",
                 "--teacher",
                 "big",
                 "--sample.url",
                 server.url() + "/v1",
                 "--model",
                 tiny_model().string(),
                 "--sample.limit",
                 "8",
                 "--sample.samples",
                 "1",
                 "--sample.filters",
                 "length",
                 "--sample.price_input",
                 "1",
                 "--sample.price_output",
                 "10",
                 "--sample.timeout_s",
                 "20",
                 "--max_steps",
                 "2",
                 "--output_dir",
                 (scratch / "run").string()};
  must_run(all);
  const Json cost = Json::parse(slurp(scratch / "run/traces.jsonl.cost.json"), nullptr, false);
  EXPECT_EQ(cost["requests"], 9);
  EXPECT_EQ(cost["failed"], 1);
  EXPECT_EQ(cost["completion_tokens"], 800);
  EXPECT_DOUBLE_EQ(cost["cost"].get<double>(), (80 * 1 + 800 * 10) / 1e6);
  EXPECT_HAS(slurp(scratch / "run/traces.jsonl"), "8 + 4 = 2");
}

TEST(DistillVerb, MoneySpentStopsTheSampling) {
  TestServer server;
  server.server().Post("/v1/chat/completions", [](const httplib::Request&, httplib::Response& out) {
    out.set_content(
        R"({"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":0,"completion_tokens":1000000}})",
        "application/json");
  });
  server.start();
  const Scratch scratch;
  const std::string error = must_fail({"distill",
                                       "--method",
                                       "traces",
                                       "--teacher",
                                       "big",
                                       "--sample.url",
                                       server.url() + "/v1",
                                       "--model",
                                       tiny_model().string(),
                                       "--sample.limit",
                                       "8",
                                       "--sample.samples",
                                       "1",
                                       "--sample.save_every",
                                       "2",
                                       "--sample.filters",
                                       "length",
                                       "--sample.price_output",
                                       "1",
                                       "--sample.max_cost",
                                       "3",
                                       "--max_steps",
                                       "2",
                                       "--output_dir",
                                       (scratch / "run").string()});
  EXPECT_HAS(error, "max_cost 3");
  const Json cost = Json::parse(slurp(scratch / "run/traces.jsonl.cost.json"), nullptr, false);
  EXPECT_EQ(cost["requests"], 4);  // two blocks
}

TEST(DistillVerb, RefusesWhatMakesNoSense) {
  const Scratch scratch;
  const Path run = scratch / "run";
  EXPECT_HAS(must_fail(distill_args("telepathy", run)), "known: traces, logits");
  EXPECT_HAS(must_fail(distill_args("logits", run)), "has prompts alone");
  EXPECT_HAS(must_fail(distill_args("logits", run) + on(rows_file()) + Args{"--temperature", "0"}),
             "temperature is 0");
  EXPECT_HAS(must_fail(distill_args("logits", run) + on(rows_file()) + Args{"--alpha", "2"}),
             "alpha is 2");
  EXPECT_HAS(must_fail(distill_args("on_policy", run) + Args{"--teacher_top_k", "4"}),
             "teacher_top_k is for");
  EXPECT_HAS(must_fail({"distill", "--output_dir", run.string()}), "teacher is not set");
  EXPECT_HAS(must_fail({"distill", "--method", "traces", "--teacher", "x", "--sample.url",
                        "http://127.0.0.1:1/v1", "--output_dir", run.string()}),
             "a server gives none");
}

}  // namespace
}  // namespace r1
