// Rejection sampling: many completions of each problem, the good ones kept as rows for SFT.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "engine/engine_config.h"
#include "reward/quality.h"
#include "train/cost_meter.h"
#include "train/learner.h"
#include "train/open_model.h"

namespace r1 {

/// A model that writes kept completions anew (R1's cold start from R1-Zero).
struct RewriteConfig {
  std::string model, url, api_key_env;
  std::string prompt_file;
  std::vector<std::string> filters = {"correct", "repetition"};
  int64_t max_tokens = 2048;
  double timeout_s = 300;
  int concurrency = 8, retries = 3;
  PriceConfig prices;

  void visit(auto&& f) {
    f("model", model, "who rewrites: model folder, or with url its name there; none: nobody");
    f("url", url, "OpenAI-compatible server; none: a local model");
    f("api_key_env", api_key_env, "environment variable that holds the server's key");
    f("prompt_file", prompt_file,
      "instruction with {question} {response} {answer}; none: the built-in one");
    f("filters", filters, "what a completion must pass before it is rewritten");
    f("max_tokens", max_tokens, "of one rewritten completion");
    f("timeout_s", timeout_s, "seconds for one request");
    f("concurrency", concurrency, "requests at once");
    f("retries", retries, "of a request that failed");
    prices.visit(f);
  }
};

struct SampleConfig {
  ModelOptions model;
  std::string url, api_key_env;
  int concurrency = 8, retries = 3;
  double timeout_s = 300;
  PriceConfig prices;
  std::string data = "builtin:last_digit";
  int64_t limit = 0;
  std::string output;
  int samples = 4, max_per_problem = 2;
  int64_t max_tokens = 1024;
  double temperature = 1.0, top_p = 1.0;
  int top_k = 0;
  std::vector<std::string> stop;
  uint64_t seed = 0;
  QualityConfig quality;
  std::string dedupe = "near";
  double near_duplicate = 0.9;
  std::string mix;
  double mix_share = 0;
  int64_t mix_count = 0;
  std::string few_shot;
  int n_shots = 4;
  RewriteConfig rewrite;
  int64_t save_every = 0;
  bool overwrite = false;
  EngineConfig engine;
  DatasetOptions columns;
  ComputeConfig compute;

  void visit(auto&& f) {
    model.visit(f);
    f("url", url,
      "OpenAI-compatible server, e.g. http://localhost:8000/v1; model is its name there");
    f("api_key_env", api_key_env, "environment variable that holds the server's key");
    f("concurrency", concurrency, "requests to the server at once");
    f("retries", retries, "of a request that failed");
    f("timeout_s", timeout_s, "seconds for one request");
    prices.visit(f);
    f("data", data, "builtin:last_digit, or a JSONL file with prompts and answers");
    f("limit", limit, "only the first so many problems; 0: all (256 of the built-in task)");
    f("output", output,
      "the JSONL file to write; OUTPUT.summary.json says what was dropped and why");
    f("samples", samples, "completions of each problem");
    f("max_per_problem", max_per_problem, "of these at most so many are kept; 0: all");
    f("max_tokens", max_tokens, "tokens a completion may have");
    f("temperature", temperature, "sampling temperature");
    f("top_p", top_p, "nucleus sampling");
    f("top_k", top_k, "sample among the k likeliest tokens; 0: all");
    f("stop", stop, "texts that end a completion");
    f("seed", seed, "draws are keyed by seed, problem and sample");
    quality.visit(f);
    f("dedupe", dedupe, "near (same problem, nearly the same n-grams), exact or none");
    f("near_duplicate", near_duplicate, "near: the share of common 5-grams from which two are one");
    f("mix", mix, "general data to add: JSONL with prompts and completions");
    f("mix_share", mix_share, "their share of the whole set, 0 to 1");
    f("mix_count", mix_count, "or their number");
    f("few_shot", few_shot, "worked examples that stand before each question: JSONL");
    f("n_shots", n_shots, "how many of them");
    f("rewrite", rewrite);
    f("save_every", save_every,
      "problems between two marks on disk; 0: about 512 completions, of a server 4 x concurrency");
    f("overwrite", overwrite, "forget what an earlier run with this output has sampled");
    f("engine", engine);
    columns.visit(f);
    f("compute", compute);
  }
  Result<void> validate() const;
};

/// How often a problem was solved.
struct SampledProblem {
  std::string id;
  int samples = 0, passed = 0, written = 0;
};

struct SampleReport {
  std::string output;
  int64_t n_samples = 0, n_passed = 0, n_written = 0, n_mixed = 0, n_tokens = 0;
  double seconds = 0;    // of sampling and judging, over all sittings
  ChatUsage usage = {};  // of a server, over all sittings
  double cost = 0;
  ChatUsage rewrite_usage = {};  // of the server that rewrites
  double rewrite_cost = 0;
  std::vector<std::pair<std::string, int64_t>> dropped;  // by filter, in order
  std::vector<SampledProblem> problems;
};

/// Asking a server is metered in OUTPUT.cost.json, and one that rewrites in
/// OUTPUT.rewrite.cost.json.
/// Writes OUTPUT (rows of r1 sft, each with its provenance) and OUTPUT.summary.json. What is
/// sampled and judged is kept in OUTPUT.samples.jsonl after every `save_every` problems: the same
/// call goes on there and writes the same bytes; another one with the same output is refused.
Result<SampleReport> rejection_sample(SampleConfig config);

/// A table for people; and the summary file's JSON.
std::string describe(const SampleReport& report);
std::string sample_report_to_json(const SampleReport& report);

}  // namespace r1
