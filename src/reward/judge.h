// The judge reward: a language model grades a completion, or compares it with another.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

struct JudgeOptions {
  std::string model, url, api_key_env;
  std::string mode = "grade", against = "reference", part = "summary";
  std::string prompt_file, pattern;
  double scale = 10;
  int opponents = 3, concurrency = 8, retries = 3;
  int64_t max_tokens = 1024, max_bytes = 32768;
  double timeout_s = 120, backoff_s = 1, requests_per_minute = 0;
  uint64_t seed = 0;
  std::string dtype = "auto", quantize;

  void visit(auto&& f) {
    f("model", model, "folder of a model, or with url its name there");
    f("url", url, "OpenAI-compatible server, e.g. http://localhost:8000/v1; none: a local model");
    f("api_key_env", api_key_env, "environment variable that holds the server's key");
    f("mode", mode, "grade (score), verify (against the reference) or compare (which is better)");
    f("against", against, "compare: reference, or others (completions of the same prompt)");
    f("part", part, "what the judge sees: summary (the thought left out) or response");
    f("prompt_file", prompt_file,
      "text with {question} {answer} {reference} {other}; none: the built-in one of the mode");
    f("pattern", pattern, "PCRE2 for the verdict; none: [[A]] [[B]] [[C]], or Score: N");
    f("scale", scale, "grade: the best score");
    f("opponents", opponents, "others: how many each meets on either side; 0: all");
    f("concurrency", concurrency, "questions at once");
    f("retries", retries, "of a request that failed, and of a reply without a verdict");
    f("max_tokens", max_tokens, "of one reply");
    f("max_bytes", max_bytes, "of each text shown; longer ones lose their middle");
    f("timeout_s", timeout_s, "seconds for one request");
    f("backoff_s", backoff_s, "seconds before the first retry of a request; doubles each time");
    f("requests_per_minute", requests_per_minute, "no more requests than these; 0: no limit");
    f("seed", seed, "of the judge; its temperature is 0");
    f("dtype", dtype, "weights of a local model: auto, f32 or bf16");
    f("quantize", quantize, "hold a local model's matrices in q8_0 or q4_0");
  }
  Result<void> validate() const;
};

/// The verdict lies between 0 and 1. Comparing asks in both orders and takes the mean, so that a
/// judge who prefers a place sees a tie. A completion that is cut or says nothing is worth 0
/// without a question. Where no request or no reply succeeds there is no verdict.
Result<std::unique_ptr<const Reward>> make_judge(const RewardSettings& settings);

}  // namespace r1
