#include "train/reward_train.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/cursor.h"
#include "reward/scored_part.h"
#include "train/memory.h"
#include "train/preference_loss.h"
#include "train/supervised.h"

namespace r1 {
namespace {

using Json = nlohmann::json;
using Tokens = std::vector<int32_t>;

/// A pair (chosen, rejected, margin) or, without a second, a response with its label.
struct Example {
  Tokens first = {}, second = {};
  float margin = 0, label = 0;
  int64_t n_tokens() const { return static_cast<int64_t>(first.size() + second.size()); }
};

struct Examples {
  std::vector<Example> rows;
  bool are_pairs = true;
};

/// Rows as tokens; too long ones are left out and counted.
class ExampleReader {
 public:
  ExampleReader(const Chat& chat, ScoredPart part, int64_t max_length)
      : chat_(chat), part_(part), max_length_(max_length) {}

  Result<Examples> read(const std::string& file, const DatasetOptions& columns) {
    R1_TRY(const PreferenceData data, read_preferences(file, columns));
    Examples examples{{}, !data.pairs.empty()};
    for (const PreferencePair& pair : data.pairs) {
      Example example{.margin = static_cast<float>(pair.margin)};
      R1_TRY(example.first, tokens(pair.id, pair.prompt, pair.chosen));
      R1_TRY(example.second, tokens(pair.id, pair.prompt, pair.rejected));
      add(examples, std::move(example));
    }
    for (const LabelledResponse& row : data.labelled) {
      Example example{.label = row.is_good ? 1.0f : 0.0f};
      R1_TRY(example.first, tokens(row.id, row.prompt, row.completion));
      add(examples, std::move(example));
    }
    const size_t n_long = data.size() - examples.rows.size();
    if (examples.rows.empty()) {
      return fail("{}: each of the {} rows is longer than {} tokens", file, n_long, max_length_);
    }
    if (n_long > 0) {
      log_warn("{}: {} rows are longer than {} tokens and are left out", file, n_long, max_length_);
    }
    return examples;
  }

 private:
  Result<Tokens> tokens(const std::string& id, const std::vector<Message>& prompt,
                        const std::string& response) const {
    auto read = scored_tokens(chat_, prompt, response, part_);
    if (!read) return fail_with(read.error().with(id));
    if (read->empty()) return fail("{}: an empty response without an end token", id);
    return read;
  }

  void add(Examples& examples, Example example) const {
    const size_t longest = std::max(example.first.size(), example.second.size());
    if (static_cast<int64_t>(longest) <= max_length_) examples.rows.push_back(std::move(example));
  }

  const Chat& chat_;
  ScoredPart part_;
  int64_t max_length_;
};

/// Training rows and held-out rows.
struct Split {
  Examples train, held_out;
};

Result<Split> read_split(const RewardTrainConfig& config, ExampleReader& reader) {
  Split split;
  R1_TRY(split.train, reader.read(config.data, config.columns));
  split.held_out.are_pairs = split.train.are_pairs;
  if (!config.eval_data.empty()) {
    R1_TRY(split.held_out, reader.read(config.eval_data, config.columns));
    if (split.held_out.are_pairs == split.train.are_pairs) return split;
    return fail("{} holds pairs and {} labelled responses, or the other way round", config.data,
                config.eval_data);
  }
  auto& rows = split.train.rows;
  const auto n =
      static_cast<int64_t>(std::llround(config.eval_split * static_cast<double>(rows.size())));
  if (n >= static_cast<int64_t>(rows.size())) {
    return fail("eval_split {} of {} rows leaves none to learn from", config.eval_split,
                rows.size());
  }
  split.held_out.rows.assign(std::make_move_iterator(rows.end() - n),
                             std::make_move_iterator(rows.end()));
  rows.resize(rows.size() - static_cast<size_t>(n));
  return split;
}

/// Mixes earlier rows into the new ones: with 0.1 each tenth row is an earlier one, as far as there
/// are any.                                             [Shao et al. 2024, algorithm 1]
Result<void> add_replay(const RewardTrainConfig& config, ExampleReader& reader, Examples& train) {
  if (config.replay_data.empty()) return {};
  R1_TRY(Examples earlier, reader.read(config.replay_data, config.columns));
  if (earlier.are_pairs != train.are_pairs) {
    return fail("{} holds pairs and {} labelled responses, or the other way round", config.data,
                config.replay_data);
  }
  const auto n_new = static_cast<double>(train.rows.size());
  const auto n_earlier = static_cast<int64_t>(earlier.rows.size());
  const auto wanted = std::llround(n_new * config.replay_ratio / (1 - config.replay_ratio));
  const std::vector<int64_t> order = shuffled_rows(n_earlier, config.train.seed, 0);
  const int64_t n = std::min<int64_t>(wanted, n_earlier);
  for (int64_t i = 0; i < n; ++i) train.rows.push_back(std::move(earlier.rows[order[i]]));
  log_info("{} rows of {} and {} of {}", n_new, config.data, n, config.replay_data);
  return {};
}

/// The losses of both kinds of rows, on a step's rows and on held-out ones.
class RewardObjective {
 public:
  RewardObjective(Learner& learner, bool are_pairs, double center, int64_t micro_batch_tokens)
      : learner_(learner),
        are_pairs_(are_pairs),
        center_(center),
        micro_batch_tokens_(micro_batch_tokens) {}

  /// Adds up the gradients of one step.
  Result<StepLoss> accumulate(const std::vector<const Example*>& rows) {
    StepLoss step;
    step.weight = static_cast<double>(rows.size());
    std::vector<int64_t> lengths;
    for (const Example* row : rows) lengths.push_back(row->n_tokens());
    Scores all;
    int index = 0;
    for (const std::vector<int>& members : pack(lengths, micro_batch_tokens_)) {
      Scores here = labels_of(rows, members);
      const ScoreBatch batch(sequences_of(rows, members));
      auto done = learner_.accumulate(batch, [&](const ScoreView& view) {
        here.take(view.score);
        step.loss += loss(here, step.weight, view.dscore);
      });
      if (!done) return fail_with(done.error().with(fmt::format("micro-batch {}", index)));
      all.add(here);
      step.n_rows += batch.n_rows();
      step.n_sequences += batch.n_sequences();
      ++index;
    }
    for (auto& [name, value] : describe(all)) {
      if (name != "ece" && name != "brier") step.metrics.emplace_back(name, value);
    }
    return step;
  }

  /// eval_loss, eval_accuracy, … of rows that are not learned.
  Metrics evaluate(const std::vector<Example>& rows) {
    std::vector<const Example*> pointers;
    std::vector<int> members;
    for (const Example& row : rows) {
      members.push_back(static_cast<int>(pointers.size()));
      pointers.push_back(&row);
    }
    std::vector<Tokens> sequences;
    for (const Tokens* tokens : sequences_of(pointers, members)) sequences.push_back(*tokens);
    const std::vector<float> values =
        score_sequences(learner_.model(), sequences, micro_batch_tokens_,
                        {learner_.launch(), learner_.arena(), learner_.kv_dtype()});
    Scores all = labels_of(pointers, members);
    all.take(values);
    std::vector<float> ignored(values.size());
    Metrics metrics{{"eval_loss", loss(all, static_cast<double>(rows.size()), ignored)}};
    for (const auto& [name, value] : describe(all)) metrics.emplace_back("eval_" + name, value);
    return metrics;
  }

 private:
  /// Of some rows; second is empty for labelled ones.
  struct Scores {
    std::vector<float> first, second, margin, label;

    /// score: those of the first responses, then those of the second.
    void take(std::span<const float> score) {
      const size_t n = label.size();
      first.assign(score.begin(), score.begin() + static_cast<std::ptrdiff_t>(n));
      second.assign(score.begin() + static_cast<std::ptrdiff_t>(n), score.end());
    }
    void add(const Scores& other) {
      first.insert(first.end(), other.first.begin(), other.first.end());
      second.insert(second.end(), other.second.begin(), other.second.end());
      label.insert(label.end(), other.label.begin(), other.label.end());
    }
  };

  Scores labels_of(const std::vector<const Example*>& rows, const std::vector<int>& members) {
    Scores scores;
    for (int i : members) {
      scores.margin.push_back(rows[i]->margin);
      scores.label.push_back(rows[i]->label);
    }
    return scores;
  }

  /// All first responses, then all second ones.
  std::vector<const Tokens*> sequences_of(const std::vector<const Example*>& rows,
                                          const std::vector<int>& members) const {
    std::vector<const Tokens*> sequences;
    for (int i : members) sequences.push_back(&rows[i]->first);
    if (!are_pairs_) return sequences;
    for (int i : members) sequences.push_back(&rows[i]->second);
    return sequences;
  }

  double loss(const Scores& s, double total, std::span<float> dscore) const {
    if (!are_pairs_) return binary_cross_entropy(s.first, s.label, total, dscore);
    const size_t n = s.first.size();
    return bradley_terry(s.first, s.second, s.margin, center_, total, dscore.first(n),
                         dscore.subspan(n));
  }

  Metrics describe(const Scores& s) const {
    return are_pairs_ ? describe_pairs(s.first, s.second) : describe_labelled(s.first, s.label);
  }

  Learner& learner_;
  bool are_pairs_;
  double center_;
  int64_t micro_batch_tokens_;
};

/// What the model was trained on before, unless the user says.
Result<ScoredPart> choose_part(const std::string& asked, const ModelAssets& assets) {
  if (!asked.empty()) return parse_scored_part(asked);
  R1_TRY(const auto stored, read_scored_part(assets.at("config.json")));
  return stored.value_or(ScoredPart::kResponse);
}

int64_t longest(const Split& split) {
  size_t n = 1;
  for (const Example& row : split.train.rows)
    n = std::max({n, row.first.size(), row.second.size()});
  return static_cast<int64_t>(n);
}

}  // namespace

Result<void> RewardTrainConfig::validate() const {
  if (model.empty()) return fail("model is not set; name a model folder: --model DIR");
  if (data.empty()) return fail("data is not set; name a JSONL file: --data FILE");
  if (train_batch_size < 1)
    return fail("train_batch_size is {}; it must be at least 1", train_batch_size);
  if (eval_steps < 1) return fail("eval_steps is {}; it must be at least 1", eval_steps);
  if (!(eval_split >= 0 && eval_split < 1))
    return fail("eval_split is {}; it must be from 0 to less than 1", eval_split);
  if (!eval_data.empty() && eval_split > 0)
    return fail("eval_data and eval_split exclude each other");
  if (!(replay_ratio >= 0 && replay_ratio < 1))
    return fail("replay_ratio is {}; it must be from 0 to less than 1", replay_ratio);
  if (!(center_rewards_coefficient >= 0))
    return fail("center_rewards_coefficient is {}; it must not be negative",
                center_rewards_coefficient);
  return {};
}

Result<StageReport> train_reward(RewardTrainConfig config) {
  TrainingArguments& args = config.train;
  R1_RETURN_IF_ERROR(config.validate());
  R1_TRY(const Machine machine, Machine::open(args.compute));
  R1_TRY(ModelAssets assets, read_assets(config.model));
  R1_TRY(const ModelConfig shape, open_config(config.model));
  R1_TRY(const Chat chat, Chat::open(config.model, shape));
  R1_TRY(const ScoredPart part, choose_part(config.part, assets));
  const int64_t limit = shape.max_positions;
  const int64_t max_length = config.max_length > 0 ? std::min(config.max_length, limit) : limit;
  ExampleReader reader(chat, part, max_length);
  R1_TRY(Split split, read_split(config, reader));
  R1_RETURN_IF_ERROR(add_replay(config, reader, split.train));
  const std::vector<Example>& rows = split.train.rows;
  if (config.num_train_epochs > 0) {
    const double n = static_cast<double>(rows.size()) * config.num_train_epochs;
    args.max_steps =
        std::max<int64_t>(1, std::llround(n / static_cast<double>(config.train_batch_size)));
  }
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config)), {config.model}));
  const Path folder = run.resumed() ? run.resumed()->folder : Path(config.model);
  R1_TRY(LoadedModel loaded,
         load_model(folder, {.dtype = args.dtype, .use = StoreUse::kTraining, .scorer = true},
                    machine.launch()));
  loaded.assets["config.json"] = write_scored_part(loaded.assets["config.json"], part);
  Transformer& model = *loaded.model;
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  log_memory(plan_training(model, kv_dtype, args, longest(split)));
  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, machine.launch());

  DataCursor cursor(static_cast<int64_t>(rows.size()), args.seed);
  if (run.resumed()) {
    R1_RETURN_IF_ERROR(run.restore(learner));
    const Json state = Json::parse(run.loop_state(), nullptr, false);
    R1_RETURN_IF_ERROR(
        cursor.resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0})));
  }
  RewardObjective objective(learner, split.train.are_pairs, config.center_rewards_coefficient,
                            args.micro_batch_tokens);
  SupervisedPlan plan;
  plan.title = "reward train";
  plan.accumulate = [&] {
    std::vector<const Example*> step;
    for (int64_t i = 0; i < config.train_batch_size; ++i) step.push_back(&rows[cursor.next()]);
    return objective.accumulate(step);
  };
  plan.rate = [&](int64_t step) { return *scheduled_rate(args, step); };
  plan.is_done = [&](int64_t step) { return step >= args.max_steps; };
  plan.state = [&] {
    return Json{{"epoch", cursor.epoch()}, {"position", cursor.position()}}.dump();
  };
  plan.measure = [&](int64_t step) -> Result<Metrics> {
    const bool is_time = step % config.eval_steps == 0 || step == args.max_steps;
    if (split.held_out.rows.empty() || !is_time) return Metrics{};
    return objective.evaluate(split.held_out.rows);
  };
  return run_supervised(run, learner, loaded.assets, args, plan);
}

}  // namespace r1
