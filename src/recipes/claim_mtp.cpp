#include <algorithm>

#include "base/log.h"
#include "data/last_digit.h"
#include "engine/engine.h"
#include "recipes/claims.h"

namespace r1 {
namespace {

constexpr int64_t kPrompts = 48, kMaxTokens = 160, kFirst = 3'000'000;
constexpr int kRounds = 3;  // plain and speculative alternate

/// Everything one stream wrote, and how fast.
struct Written {
  std::vector<int32_t> tokens;
  std::vector<float> logp;
  double seconds = 0;
  EngineStats stats;
};

Result<Written> write_all(const LoadedModel& loaded, const Chat& chat, uint64_t seed,
                          int64_t speculate, const Launch& launch) {
  EngineConfig config{.max_sequences = 1, .speculate = speculate};
  Engine engine(*loaded.model, loaded.model->dtype(), config, launch);
  Written written;
  int64_t id = 0;
  for (const Problem& p : held_out_last_digit_problems(seed, kFirst, kPrompts)) {
    Request request;
    request.id = id++;
    R1_TRY(request.prompt, chat.prompt(p.messages));
    request.params.seed = seed;
    request.max_tokens = kMaxTokens;
    request.stop_tokens = chat.stop_tokens();
    request.on_done = [&](Completed&& done) {
      written.tokens.insert(written.tokens.end(), done.tokens.begin(), done.tokens.end());
      written.logp.insert(written.logp.end(), done.logp.begin(), done.logp.end());
    };
    R1_RETURN_IF_ERROR(engine.submit(std::move(request)));
  }
  const Timer timer;
  engine.run();
  written.seconds = timer.seconds();
  written.stats = engine.stats();
  return written;
}

struct Speed {
  double acceptance = 0, ratio = 0;
  bool identical = true;
};

Result<Speed> measure(const Trial& trial, const ComputeConfig& compute) {
  R1_TRY(const Machine machine, Machine::open(compute));
  const Path folder = trial.folder / "final";
  R1_TRY(const LoadedModel loaded,
         load_model(folder, {.dtype = "auto", .mtp = true}, machine.launch()));
  R1_TRY(const Chat chat, Chat::open(folder, loaded.model->config()));
  Speed speed;
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    R1_TRY(const Written plain, write_all(loaded, chat, trial.seed, 0, machine.launch()));
    R1_TRY(const Written drafted, write_all(loaded, chat, trial.seed, 1, machine.launch()));
    speed.identical =
        speed.identical && plain.tokens == drafted.tokens && plain.logp == drafted.logp;
    speed.acceptance = drafted.stats.acceptance_rate();
    ratios.push_back(plain.seconds / drafted.seconds);
  }
  std::nth_element(ratios.begin(), ratios.begin() + kRounds / 2, ratios.end());
  speed.ratio = ratios[kRounds / 2];
  return speed;
}

}  // namespace

/// [DeepSeek-V3, sections 2.2, 4.5.1 and 5.4.3]
Result<Finding> claim_mtp(const ClaimsConfig& config) {
  if (config.base.new_model.num_nextn_predict_layers < 1) {
    return fail("base.new_model.num_nextn_predict_layers is 0; this claim needs a module");
  }
  const std::vector<Variant> variants = {
      {"with", [](PretrainConfig&) {}},
      {"without", [](PretrainConfig& c) { c.new_model.num_nextn_predict_layers = 0; }}};
  R1_TRY(const auto trials, run_trials(config, "mtp", variants));
  std::vector<double> with, without, acceptance, ratio;
  bool identical = true;
  for (size_t s = 0; s < trials[0].size(); ++s) {
    with.push_back(trials[0][s].tail_mean("loss"));
    without.push_back(trials[1][s].tail_mean("loss"));
    R1_TRY(const Speed speed, measure(trials[0][s], config.base.train.compute));
    acceptance.push_back(speed.acceptance);
    ratio.push_back(speed.ratio);
    identical = identical && speed.identical;
  }
  const Spread a = spread_of(with), b = spread_of(without);
  const Spread accepted = spread_of(acceptance), faster = spread_of(ratio);
  Finding f;
  f.claim =
      "predicting one more token trains a better model, and drafts of it are accepted in 85 to "
      "90 % and make sampling 1.8 times as fast (V3, sections 4.5.1 and 5.4.3)";
  f.columns = {"run", "loss of the next token", "acceptance", "tokens/s, drafted / plain"};
  f.rows = {{"with MTP", a.text(4), accepted.text(3), faster.text(2)},
            {"without", b.text(4), "–", "–"}};
  const bool better = a.mean < b.mean;
  f.holds = better && identical && faster.mean > 1;
  f.verdict = fmt::format(
      "the loss of the next token is {} with the module and {} without ({}); {} of drafts stand; "
      "one conversation is {} times as fast; its tokens and log-probabilities are {} those without "
      "drafts.",
      a.text(4), b.text(4), better ? "better" : "not better", accepted.text(3), faster.text(2),
      identical ? "bit for bit" : "NOT");
  f.notes = {fmt::format("{} held-out problems, one after the other, temperature 1; the ratio is "
                         "the median of {} alternating rounds.",
                         kPrompts, kRounds),
             "A model of half a million weights lies in the cache of the processor, where a second "
             "row costs what it computes: the gain of drafts grows with the model."};
  f.charts = {compare_series("Loss of the next token", "loss", "nats a token", variants, trials)};
  return f;
}

}  // namespace r1
