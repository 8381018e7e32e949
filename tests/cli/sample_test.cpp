// r1 data math, r1 data filter, r1 sample, r1 review: as a user types them.
#include <atomic>
#include <nlohmann/json.hpp>

#include "base/local_server.h"
#include "cli/program.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

std::vector<Json> rows_of(const std::string& text) {
  std::vector<Json> rows;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    rows.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return rows;
}

TEST(DataMath, WritesRowsThatSftAndRlReadAsTheyAre) {
  const Scratch scratch;
  const std::string file = scratch / "math.jsonl";
  must_run({"data", "math", "--n", "40", "--language", "en,fr", "--output", file});
  const auto rows = rows_of(slurp(file));
  ASSERT_EQ(rows.size(), 40u);
  EXPECT_EQ(rows[0]["messages"].size(), 2u);
  EXPECT_EQ(rows[0]["messages"][1]["role"], "assistant");
  EXPECT_EQ(rows[3]["provenance"]["index"], 3);
  EXPECT_TRUE(rows[0]["answer"].is_string());
  const std::string shown = must_run({"data", "--inspect", file});
  EXPECT_HAS(shown, "answer       40 rows");
  EXPECT_HAS(shown, "completion   40 rows");
  EXPECT_EQ(must_run({"data", "math", "--n", "40", "--language", "en,fr"}), slurp(file));
  const std::string kept = must_run({"data", "filter", "--data", file, "--correct_reward",
                                     "math_answer", "--format_reward", "format_r1"});
  EXPECT_HAS(kept, "kept                 40");
  EXPECT_HAS(must_fail({"data", "math", "--levels", "9"}), "level 9; there are 1 to 5");
  EXPECT_HAS(must_fail({"data", "maths"}), "did you mean 'math'?");
}

TEST(DataColdStart, HasItsAnswerLanguageAndStyle) {
  const auto rows = rows_of(must_run(
      {"data", "--split", "cold_start", "--n", "5", "--language", "fr", "--style", "work"}));
  ASSERT_EQ(rows.size(), 5u);
  for (const Json& row : rows) {
    const std::string text = row["messages"][1]["content"];
    EXPECT_HAS(text, "<answer> " + row["answer"].get<std::string>() + " </answer>");
    EXPECT_HAS(text, "dabord");
    EXPECT_EQ(text.find("verifie"), std::string::npos);
    EXPECT_EQ(row["provenance"]["language"], "fr");
  }
  EXPECT_HAS(must_fail({"data", "--split", "cold_start", "--language", "de"}), "known: en, fr");
}

TEST(DataFilter, CountsByFilterAndSaysWhy) {
  const Scratch scratch;
  const std::string file = scratch / "rows.jsonl";
  spill(
      file,
      R"({"prompt":"How many are three and four?","answer":"7","completion":"<think>Three and four are seven in all.</think><answer>7</answer>"}
{"prompt":"How many are three and four?","answer":"7","completion":"<think>Three and four are six in all.</think><answer>6</answer>"}
{"prompt":"How many are three and four?","answer":"7","completion":"The answer is 7"}
)");
  const std::string out =
      must_run({"data", "filter", "--data", file, "--output", scratch / "kept.jsonl", "--dropped",
                scratch / "dropped.jsonl"});
  EXPECT_HAS(out, "correct               1 dropped");
  EXPECT_HAS(out, "format                1 dropped");
  EXPECT_EQ(rows_of(slurp(scratch / "kept.jsonl")).size(), 1u);
  const auto dropped = rows_of(slurp(scratch / "dropped.jsonl"));
  ASSERT_EQ(dropped.size(), 2u);
  EXPECT_EQ(dropped[0]["dropped_by"], "correct");
  EXPECT_EQ(dropped[1]["dropped_by"], "format");
  EXPECT_HAS(must_fail({"data", "filter", "--data", file, "--filters", "nice"}),
             "unknown filter nice");
}

/// An untrained model is never right, but it always has a length.
Args sample_args(const Path& output, const Args& more = {}) {
  return Args{"sample",    "--model",      tiny_model().string(),
              "--limit",   "24",           "--samples",
              "4",         "--max_tokens", "24",
              "--filters", "readable",     "--save_every",
              "2",         "--output",     output.string()} +
         more;
}

TEST(Sample, WritesRowsWithProvenanceAndASummary) {
  const Scratch scratch;
  const Path output = scratch / "sft.jsonl";
  const std::string table = must_run(sample_args(output));
  EXPECT_HAS(table, "completions                  96  of 24 problems");
  const auto rows = rows_of(slurp(output));
  ASSERT_GT(rows.size(), 10u);
  const Json& from = rows[0]["provenance"];
  EXPECT_EQ(from["source"], "r1 sample");
  EXPECT_EQ(from["model_sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(from["filters"]["readable"], 1.0);
  EXPECT_EQ(from["seed"], 0);
  const Json summary = Json::parse(slurp(output.string() + ".summary.json"));
  EXPECT_EQ(summary["samples"], 96);
  EXPECT_EQ(summary["written"], rows.size());
  EXPECT_EQ(summary["acceptance"].size(), 24u);
  std::map<std::string, int> per_problem;
  for (const Json& row : rows) ++per_problem[row["provenance"]["problem"]];
  for (const auto& [id, n] : per_problem) EXPECT_LE(n, 2) << id;
  must_run({"data", "--inspect", output.string()});
}

TEST(Sample, KilledAndStartedAgainWritesTheSameBytes) {
  const Scratch scratch;
  const Path whole = scratch / "whole.jsonl", torn = scratch / "torn.jsonl";
  must_run(sample_args(whole, {"--temperature", "0.9"}));
  const std::string journal = slurp(whole.string() + ".samples.jsonl");
  // as kill -9 leaves it: some problems, and a line that breaks off
  spill(torn.string() + ".samples.jsonl", journal.substr(0, journal.size() / 2));
  must_run(sample_args(torn, {"--temperature", "0.9"}));
  EXPECT_EQ(slurp(torn), slurp(whole));
  EXPECT_HAS(must_fail(sample_args(torn, {"--temperature", "0.8"})), "--overwrite");
  must_run(sample_args(torn, {"--temperature", "0.8", "--overwrite"}));
  EXPECT_NE(slurp(torn), slurp(whole));
}

TEST(Sample, AKillInTheMiddleLosesNothing) {
  const Scratch scratch;
  const Path whole = scratch / "whole.jsonl", killed = scratch / "killed.jsonl";
  const Args more{"--limit", "400", "--samples", "8"};
  must_run(sample_args(whole, more));
  Limits limits;
  limits.kill_after = 0.15;
  const Outcome outcome = run_r1(sample_args(killed, more), limits);
  EXPECT_TRUE(outcome.signal != SIGKILL || !std::filesystem::exists(killed));
  must_run(sample_args(killed, more));
  EXPECT_EQ(slurp(killed), slurp(whole));
}

TEST(Sample, MixesGeneralDataByShareAndByCount) {
  const Scratch scratch;
  std::string general;
  for (int i = 0; i < 50; ++i)
    general += fmt::format("{{\"prompt\":\"hi {}\",\"completion\":\"hello\"}}\n", i);
  spill(scratch / "general.jsonl", general);
  const Path output = scratch / "sft.jsonl";
  must_run(sample_args(output, {"--mix", scratch / "general.jsonl", "--mix_count", "5"}));
  Json summary = Json::parse(slurp(output.string() + ".summary.json"));
  EXPECT_EQ(summary["mixed"], 5);
  // other mixing, same samples: nothing is drawn again
  must_run(sample_args(output, {"--mix", scratch / "general.jsonl", "--mix_share", "0.5"}));
  summary = Json::parse(slurp(output.string() + ".summary.json"));
  EXPECT_EQ(summary["mixed"], summary["written"]);
  EXPECT_EQ(rows_of(slurp(output)).back()["provenance"]["source"], "mix");
  EXPECT_HAS(must_fail(sample_args(output, {"--mix_share", "0.5"})), "mix needs");
}

/// A server that answers everything right; as a rewriter it changes every third answer.
ServerReply answer_everything(const ServerRequest& request) {
  const Json body = Json::parse(request.body);
  const std::string asked = body["messages"].back()["content"];
  std::string text;
  if (asked.find("Write the solution anew") == std::string::npos) {
    text = "<think>Three and four are seven in all.</think> <answer>7</answer>";
  } else {
    const bool changes = asked.find("alpha") != std::string::npos;
    text = fmt::format(
        "Here it is.\n<rewritten>\n<think>I count three and then four more, and I get to {0}."
        "</think> <answer>{0}</answer>\n</rewritten>",
        changes ? "8" : "7");
  }
  const Json reply{
      {"choices",
       {{{"message", {{"role", "assistant"}, {"content", text}}}, {"finish_reason", "stop"}}}},
      {"usage", {{"prompt_tokens", 9}, {"completion_tokens", 12}}}};
  return {.body = reply.dump()};
}

TEST(Sample, AServerIsSampledRewrittenAndCheckedAgain) {
  const auto server = LocalServer::bind(0, 1 << 20, answer_everything).value();
  std::jthread thread([&] { server->run(); });
  const std::string url = fmt::format("http://127.0.0.1:{}/v1", server->port());
  const Scratch scratch;
  spill(scratch / "rows.jsonl",
        "{\"prompt\":\"alpha: how many are three and four?\",\"answer\":\"7\"}\n"
        "{\"prompt\":\"beta: how many are three and four?\",\"answer\":\"7\"}\n"
        "{\"prompt\":\"gamma: how many are five and four?\",\"answer\":\"9\"}\n");
  const Path output = scratch / "sft.jsonl";
  const Args args{"sample",
                  "--model",
                  "m",
                  "--url",
                  url,
                  "--data",
                  scratch / "rows.jsonl",
                  "--samples",
                  "2",
                  "--output",
                  output.string(),
                  "--rewrite.model",
                  "w",
                  "--rewrite.url",
                  url};
  const std::string table = must_run(args);
  const auto rows = rows_of(slurp(output));
  ASSERT_EQ(rows.size(), 1u) << table;
  EXPECT_HAS(rows[0]["messages"][1]["content"].get<std::string>(), "I count three");
  EXPECT_EQ(rows[0]["provenance"]["rewritten_by"], "w");
  const Json summary = Json::parse(slurp(output.string() + ".summary.json"));
  EXPECT_EQ(summary["dropped"]["correct"], 2);            // gamma
  EXPECT_EQ(summary["dropped"]["rewritten_correct"], 1);  // alpha
  EXPECT_EQ(summary["dropped"]["not_rewritten"], 2);      // the second samples are duplicates
  EXPECT_EQ(summary["tokens"], 6 * 12);
  server->stop();
}

/// A rewriter whose first try of everything fails, and which is gone while `gone` holds.
struct Rewriter {
  std::atomic<bool> gone = false;
  std::atomic<int> n_asked = 0;
  std::unique_ptr<LocalServer> server;
  std::jthread thread;

  Rewriter() {
    server = LocalServer::bind(0, 1 << 20, [this](const ServerRequest& request) -> ServerReply {
               if (gone) return {.status = 401, .body = "{\"error\":\"no such key\"}"};
               if (n_asked++ % 2 == 0)
                 return {.status = n_asked % 4 == 1 ? 429 : 500,
                         .body = "slow down",
                         .headers = {{"Retry-After", "0"}}};
               return answer_everything(request);
             }).value();
    thread = std::jthread([this] { server->run(); });
  }
  ~Rewriter() { server->stop(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/v1", server->port()); }
};

TEST(Sample, ARewriterThatIsGoneStopsTheRunWhichGoesOnLater) {
  const Scratch scratch;
  std::string rows;
  for (const char* name : {"beta", "delta", "alpha", "zeta"})
    rows += fmt::format("{{\"prompt\":\"{}: three and four?\",\"answer\":\"7\"}}\n", name);
  spill(scratch / "rows.jsonl", rows);
  Rewriter writer;
  const auto asking = LocalServer::bind(0, 1 << 20, answer_everything).value();
  std::jthread thread([&] { asking->run(); });
  const auto args = [&](const std::string& name) {
    return Args{"sample",
                "--model",
                "m",
                "--url",
                fmt::format("http://127.0.0.1:{}/v1", asking->port()),
                "--data",
                scratch / "rows.jsonl",
                "--samples",
                "1",
                "--save_every",
                "2",
                "--output",
                scratch / name,
                "--rewrite.model",
                "w",
                "--rewrite.url",
                writer.url(),
                "--rewrite.concurrency",
                "1",
                "--rewrite.price_output",
                "100"};
  };
  const std::string table = must_run(args("whole.jsonl"));
  EXPECT_HAS(table, "rewriting: 8 requests (4 failed), 36 prompt and 48 completion tokens");
  EXPECT_HAS(table, "- rewritten_correct");
  EXPECT_EQ(rows_of(slurp(scratch / "whole.jsonl")).size(), 3u);
  writer.gone = true;
  const std::string error = must_fail(args("later.jsonl"));
  EXPECT_HAS(error, "none of 2 requests was answered");
  EXPECT_HAS(error, "status 401");
  EXPECT_FALSE(std::filesystem::exists(scratch / "later.jsonl"));
  writer.gone = false;
  must_run(args("later.jsonl"));
  EXPECT_EQ(slurp(scratch / "later.jsonl"), slurp(scratch / "whole.jsonl"));
  EXPECT_EQ(Json::parse(slurp(scratch / "later.jsonl.summary.json"))["rewrite_usage"]["requests"],
            8 + 2);  // the two that were refused count
  asking->stop();
}

TEST(Sample, SaysWhyNothingPassed) {
  const Scratch scratch;
  const Outcome run = run_r1(sample_args(scratch / "a.jsonl", {"--filters", "correct"}));
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_HAS(run.err, "no completion passed; correct dropped 96 of 96, such as sample 0 of");
}

TEST(Sample, AStopTextEndsTheSamplingItself) {
  const Scratch scratch;
  const auto sampled = [&](const std::string& name, const Args& more) {
    must_run(
        sample_args(scratch / name, Args{"--dedupe", "none", "--max_per_problem", "0"} + more));
    std::map<std::string, std::string> texts;
    for (const Json& row : rows_of(slurp(scratch / name)))
      texts[row["id"]] = row["messages"].size() < 2 ? "" : row["messages"][1]["content"];
    return std::pair(texts, Json::parse(slurp(scratch / (name + ".summary.json")))["tokens"]);
  };
  const auto [whole, n_whole] = sampled("whole.jsonl", {});
  const auto [cut, n_cut] = sampled("cut.jsonl", {"--stop", "7,="});
  EXPECT_LT(n_cut.get<int>(), n_whole.get<int>());
  size_t n_shorter = 0;
  for (const auto& [id, text] : cut) {
    ASSERT_TRUE(whole.contains(id)) << id;
    std::string expected = whole.at(id).substr(0, whole.at(id).find_first_of("7="));
    expected.resize(expected.find_last_not_of(' ') + 1);
    EXPECT_EQ(text, expected) << id;
    n_shorter += text.size() < whole.at(id).size();
  }
  EXPECT_GT(n_shorter, 5u);
}

TEST(Review, ExportsWhatWasDecided) {
  const Scratch scratch;
  const std::string file = scratch / "math.jsonl";
  must_run({"data", "math", "--n", "3", "--output", file});
  EXPECT_HAS(must_run({"review", file, "--export", scratch / "out.jsonl"}), "3 left");
  EXPECT_EQ(slurp(scratch / "out.jsonl"), "");
  EXPECT_HAS(must_fail({"review"}), "name the file");
  EXPECT_HAS(must_fail({"review", scratch / "none.jsonl"}), "none.jsonl");
}

}  // namespace
}  // namespace r1
