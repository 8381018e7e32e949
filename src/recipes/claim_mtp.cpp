#include <algorithm>
#include <utility>

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
  double seconds = 0;  // from each first token on: what comes before is the same with guesses
  EngineStats stats;
};

Result<Written> write_all(const LoadedModel& loaded, const Chat& chat, uint64_t seed,
                          int64_t speculate, const Launch& launch) {
  EngineConfig config{.max_sequences = 1, .speculate = speculate};
  Engine engine(*loaded.model, loaded.model->dtype(), config, launch);
  Written written;
  int64_t id = 0;
  double first = 0;
  const Timer timer;
  for (const Problem& p : held_out_last_digit_problems(seed, kFirst, kPrompts)) {
    Request request;
    request.id = id++;
    R1_TRY(request.prompt, chat.prompt(p.messages));
    request.params.seed = seed;
    request.max_tokens = kMaxTokens;
    request.stop_tokens = chat.stop_tokens();
    request.on_token = [&, is_first = true](int, int32_t, float) mutable {
      if (std::exchange(is_first, false)) first = timer.seconds();
      return true;
    };
    request.on_done = [&](Completed&& done) {
      written.seconds += timer.seconds() - first;
      written.tokens.insert(written.tokens.end(), done.tokens.begin(), done.tokens.end());
      written.logp.insert(written.logp.end(), done.logp.begin(), done.logp.end());
    };
    R1_RETURN_IF_ERROR(engine.submit(std::move(request)));
  }
  engine.run();
  written.stats = engine.stats();
  return written;
}

/// One way to sample: guesses of each step, and what the weights are held in.
struct Way {
  int64_t guesses;
  const char* dtype;
  std::string name() const { return fmt::format("{} a step, {}", guesses, dtype); }
};

struct Speed {
  double acceptance = 0, ratio = 0;
  bool identical = true;
};

Result<Speed> measure(const Trial& trial, const Way& way, const ComputeConfig& compute) {
  R1_TRY(const Machine machine, Machine::open(compute));
  const Path folder = trial.folder / "final";
  R1_TRY(const LoadedModel loaded,
         load_model(folder, {.dtype = way.dtype, .mtp = true}, machine.launch()));
  R1_TRY(const Chat chat, Chat::open(folder, loaded.model->config()));
  Speed speed;
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    R1_TRY(const Written plain, write_all(loaded, chat, trial.seed, 0, machine.launch()));
    R1_TRY(const Written drafted,
           write_all(loaded, chat, trial.seed, way.guesses, machine.launch()));
    speed.identical =
        speed.identical && plain.tokens == drafted.tokens && plain.logp == drafted.logp;
    speed.acceptance = drafted.stats.acceptance_rate();
    ratios.push_back(plain.seconds / drafted.seconds);
  }
  std::nth_element(ratios.begin(), ratios.begin() + kRounds / 2, ratios.end());
  speed.ratio = ratios[kRounds / 2];
  return speed;
}

std::vector<double> losses(const std::vector<Trial>& trials) {
  std::vector<double> loss;
  for (const Trial& trial : trials) loss.push_back(trial.tail_mean("loss"));
  return loss;
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
  const Spread with = spread_of(losses(trials[0])), without = spread_of(losses(trials[1]));
  Finding f;
  f.claim =
      "predicting one more token trains a better model, and drafts of it are accepted in 85 to "
      "90 % and make sampling 1.8 times as fast (V3, sections 4.5.1 and 5.4.3)";
  f.columns = {"run", "loss of the next token", "acceptance",
               "tokens/s after the first, drafted / plain"};
  f.rows = {{"without MTP", without.text(4), "–", "–"}, {"with MTP", with.text(4), "–", "–"}};
  Spread accepted, faster;
  std::string best;
  bool identical = true;
  for (const Way& way :
       {Way{1, "f32"}, {2, "f32"}, {3, "f32"}, {1, "bf16"}, {2, "bf16"}, {3, "bf16"}}) {
    std::vector<double> acceptance, ratio;
    for (const Trial& trial : trials[0]) {
      R1_TRY(const Speed speed, measure(trial, way, config.base.train.compute));
      acceptance.push_back(speed.acceptance);
      ratio.push_back(speed.ratio);
      identical = identical && speed.identical;
    }
    const Spread a = spread_of(acceptance), r = spread_of(ratio);
    f.rows.push_back({"guesses: " + way.name(), "–", a.text(3), r.text(2)});
    if (best.empty() || r.mean > faster.mean) best = way.name(), accepted = a, faster = r;
  }
  const bool better = with.mean < without.mean;
  f.holds = better && identical && faster.mean > 1;
  f.verdict = fmt::format(
      "the loss of the next token is {} with the module and {} without ({}); with guesses ({}) one "
      "conversation is {} times as fast, and {} of them stand; tokens and log-probabilities are {} "
      "those without guesses.",
      with.text(4), without.text(4), better ? "better" : "not better", best, faster.text(2),
      accepted.text(3), identical ? "bit for bit" : "NOT");
  f.notes = {fmt::format("{} held-out problems, one after the other, temperature 1; the ratio is "
                         "the median of {} alternating rounds.",
                         kPrompts, kRounds),
             "A model of half a million weights lies in the cache of the processor, where a second "
             "row costs what it computes: the gain of drafts grows with the model."};
  f.charts = {compare_series("Loss of the next token", "loss", "nats a token", variants, trials)};
  return f;
}

}  // namespace r1
