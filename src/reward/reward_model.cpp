#include "reward/reward_model.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "engine/scorer.h"
#include "reward/scored_part.h"

namespace r1 {
namespace {

bool has_prompt(const Problem& problem) {
  return std::any_of(problem.messages.begin(), problem.messages.end(),
                     [](const Message& message) { return !message.content.empty(); });
}

class RewardModel : public Reward {
 public:
  RewardModel(RewardModelOptions options, RewardOptions common, LoadedModel loaded, Chat chat,
              ScoredPart part, Backend backend)
      : options_(std::move(options)),
        common_(common),
        loaded_(std::move(loaded)),
        chat_(std::move(chat)),
        part_(part),
        backend_(backend) {}

  bool can_judge(const Problem& problem) const override { return has_prompt(problem); }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    ThreadPool pool(1);
    const Ask ask{&problem, completion};
    return score_all({&ask, 1}, pool)[0];
  }

  std::vector<Verdict> score_all(std::span<const Ask> asks, ThreadPool& pool) const override {
    const int64_t limit = loaded_.model->config().max_positions;
    std::vector<Verdict> verdicts(asks.size());
    std::vector<std::vector<int32_t>> all(asks.size());
    pool.parallel_for(static_cast<int64_t>(asks.size()), 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        auto tokens = read(asks[i]);
        if (!tokens) {
          verdicts[i] = {0, tokens.error().message, false};
        } else if (static_cast<int64_t>(tokens->size()) > limit) {
          verdicts[i] = {
              0, fmt::format("{} tokens; the reward model reads {}", tokens->size(), limit), false};
        } else {
          all[i] = std::move(*tokens);
        }
      }
    });
    std::vector<std::vector<int32_t>> sequences;
    std::vector<size_t> places;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].empty()) continue;
      sequences.push_back(std::move(all[i]));
      places.push_back(i);
    }
    const std::vector<float> scores = run(sequences, pool);
    for (size_t i = 0; i < places.size(); ++i) verdicts[places[i]] = judge(scores[i]);
    return verdicts;
  }

 private:
  Result<std::vector<int32_t>> read(const Ask& ask) const {
    if (!has_prompt(*ask.problem)) return fail("the row has no prompt");
    return scored_tokens(
        chat_, ask.problem->messages, ask.completion.text, part_,
        ask.completion.opens_think ? RewardOptions{true, common_.strict} : common_);
  }

  /// One at a time: the model's tables grow with use.
  std::vector<float> run(const std::vector<std::vector<int32_t>>& sequences,
                         ThreadPool& pool) const {
    const std::lock_guard lock(mutex_);
    return score_sequences(*loaded_.model, sequences, options_.max_tokens,
                           {{backend_, &pool}, arena_, kv_dtype()});
  }

  Dtype kv_dtype() const {
    if (options_.kv_dtype != "auto") return *parse_dtype(options_.kv_dtype);
    return loaded_.model->dtype() == Dtype::kBF16 ? Dtype::kBF16 : Dtype::kF32;
  }

  Verdict judge(float score) const {
    Verdict verdict;
    if (!std::isfinite(score)) return {0, "the reward model's score is not finite", false};
    double value = (score - options_.mean) / options_.std;
    if (options_.sigmoid) value = 1.0 / (1.0 + std::exp(-value));
    if (options_.clip > 0) value = std::clamp(value, -options_.clip, options_.clip);
    verdict.value = value;
    verdict.reason = fmt::format("scores {:.4f}", score);
    return verdict;
  }

  RewardModelOptions options_;
  RewardOptions common_;
  LoadedModel loaded_;
  Chat chat_;
  ScoredPart part_;
  Backend backend_;
  mutable std::mutex mutex_;
  mutable Arena arena_;
};

/// What the folder says and what the user says must agree.
Result<ScoredPart> choose_part(const std::string& asked, const ModelAssets& assets) {
  R1_TRY(const auto stored, read_scored_part(assets.at("config.json")));
  if (asked.empty()) return stored.value_or(ScoredPart::kResponse);
  R1_TRY(const ScoredPart part, parse_scored_part(asked));
  if (!stored || *stored == part) return part;
  return fail("it was trained on the {}; part is {}: leave it out", scored_part_name(*stored),
              asked);
}

}  // namespace

Result<void> RewardModelOptions::validate() const {
  if (model.empty()) return fail("model is not set; name a folder: reward_model;model=DIR");
  if (!(std > 0) || !std::isfinite(std) || !std::isfinite(mean)) {
    return fail("mean {} and std {}: the mean is a number, the std a positive one", mean, std);
  }
  if (!(clip >= 0)) return fail("clip is {}; it must not be negative", clip);
  if (max_tokens < 1) return fail("max_tokens is {}; it must be at least 1", max_tokens);
  if (kv_dtype != "auto" && kv_dtype != "f32" && kv_dtype != "bf16") {
    return fail("kv_dtype {} is not implemented; use auto, f32 or bf16", kv_dtype);
  }
  return {};
}

Result<std::unique_ptr<const Reward>> make_reward_model(const RewardSettings& settings) {
  R1_TRY(const RewardModelOptions options, read_options<RewardModelOptions>(settings));
  const auto where = [&](const Error& error) {
    return fail_with(error.with(options.model).with("reward " + settings.name));
  };
  if (auto valid = options.validate(); !valid) {
    return fail_with(valid.error().with("reward " + settings.name));
  }
  const auto shape = open_config(options.model);
  if (!shape) return where(shape.error());
  if (!shape->is_scorer()) {
    return where(
        Error{"a language model, which gives no score; r1 reward train makes a reward "
              "model of it"});
  }
  R1_TRY(const Backend backend, default_backend());
  ThreadPool pool(usable_cores());
  auto loaded =
      load_model(options.model, {.dtype = options.dtype, .scorer = true}, {backend, &pool});
  if (!loaded) return where(loaded.error());
  const auto part = choose_part(options.part, loaded->assets);
  if (!part) return where(part.error());
  auto chat = Chat::open(options.model, loaded->model->config());
  if (!chat) return where(chat.error());
  return std::make_unique<RewardModel>(options, settings.common, std::move(*loaded),
                                       std::move(*chat), *part, backend);
}

}  // namespace r1
