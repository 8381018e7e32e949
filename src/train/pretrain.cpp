#include "train/pretrain.h"

#include <nlohmann/json.hpp>

#include "data/cursor.h"
#include "kernels/lanes.h"
#include "models/family.h"
#include "train/examples.h"
#include "train/memory.h"
#include "train/supervised.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

/// Documents one after the other, from the generator or from a file.
class Documents {
 public:
  static Result<Documents> open(const PretrainConfig& config, const Chat& chat,
                                int64_t max_length) {
    Documents d(config, chat, max_length);
    if (config.data == kLastDigitData) return d;
    R1_TRY(d.rows_, read_problems(config.data, config.columns));
    const auto n_empty =
        std::erase_if(d.rows_, [](const Problem& row) { return row.completion.empty(); });
    if (d.rows_.empty()) {
      return fail(
          "{}: no row has text to learn; name its column with --completion_column (prompts "
          "with answers are for r1 sft and r1 rl)",
          config.data);
    }
    if (n_empty > 0) log_warn("{}: {} rows have no text and are left out", config.data, n_empty);
    d.cursor_.emplace(static_cast<int64_t>(d.rows_.size()), config.train.seed);
    return d;
  }

  /// Whole documents until there are at least n_tokens.
  Result<std::vector<TokenSequence>> next(int64_t n_tokens) {
    std::vector<TokenSequence> step;
    size_t n_read = 0;
    for (int64_t n = 0; n < n_tokens; ++n_read) {
      if (step.empty() && cursor_ && n_read > rows_.size()) {
        return fail("no row of the data is two tokens long; there is nothing to predict");
      }
      for (TokenSequence& piece : next_document()) {
        if (static_cast<int64_t>(piece.tokens.size()) > max_length_) {  // of the built-in corpus
          return fail(
              "a document of {} has {} tokens, more than the {} of one sequence; set "
              "new_model.max_positions to 256 or leave max_length at 0",
              kLastDigitData, piece.tokens.size(), max_length_);
        }
        n += static_cast<int64_t>(piece.tokens.size()) - 1;
        step.push_back(std::move(piece));
      }
    }
    return step;
  }

  Json state() const {
    if (!cursor_) return {{"document", index_}};
    return {{"epoch", cursor_->epoch()}, {"position", cursor_->position()}};
  }
  Result<void> resume(const Json& state) {
    if (!cursor_) {
      index_ = state.value("document", int64_t{0});
      return {};
    }
    return cursor_->resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0}));
  }

 private:
  Documents(const PretrainConfig& config, const Chat& chat, int64_t max_length)
      : seed_(config.train.seed), chat_(chat), max_length_(max_length) {}

  std::vector<TokenSequence> next_document() {
    if (!cursor_)
      return {document_example(chat_.tokenizer(), last_digit_document(seed_, index_++))};
    return text_examples(chat_, rows_[cursor_->next()].completion, max_length_);
  }

  uint64_t seed_;
  Chat chat_;
  int64_t max_length_, index_ = 0;
  std::vector<Problem> rows_;
  std::optional<DataCursor> cursor_;
};

/// Mean probabilities of the copied operands and the computed digits of held-out textbook traces.
struct ProbeResult {
  double operand = 0, sum = 0;
};

ProbeResult run_probes(Learner& learner, const Chat& chat, uint64_t seed, int n_probes) {
  ProbeResult result;
  int64_t n_operands = 0, n_sums = 0;
  for (int i = 0; i < n_probes; i += 16) {
    std::vector<TokenSequence> sequences;
    std::vector<Probe> probes;
    for (int j = i; j < std::min(n_probes, i + 16); ++j) {
      probes.push_back(last_digit_probe(seed, j));
      sequences.push_back(
          document_example(chat.tokenizer(), {probes.back().prompt, probes.back().completion}));
    }
    std::vector<const TokenSequence*> views;
    for (const auto& s : sequences) views.push_back(&s);
    const auto logp = score_batch(learner.model(), Batch(views), 1.0f,
                                  Context{learner.launch(), learner.arena(), learner.kv_dtype()});
    size_t first = 0;
    for (size_t j = 0; j < probes.size(); ++j) {
      for (int word : probes[j].operand_words) result.operand += exp_f32(logp[first + word]);
      for (int word : probes[j].sum_words) result.sum += exp_f32(logp[first + word]);
      n_operands += static_cast<int64_t>(probes[j].operand_words.size());
      n_sums += static_cast<int64_t>(probes[j].sum_words.size());
      for (float w : sequences[j].weights) first += w != 0.0f;
    }
  }
  result.operand /= static_cast<double>(n_operands);
  result.sum /= static_cast<double>(n_sums);
  return result;
}

ModelConfig new_config(const NewModel& shape, int64_t vocab_size, int32_t bos, int32_t eos) {
  ModelConfig c;
  c.vocab_size = vocab_size;
  c.d_model = shape.d_model;
  c.n_layers = shape.n_layers;
  c.n_heads = shape.n_heads;
  c.n_kv_heads = shape.n_kv_heads;
  c.head_dim = shape.head_dim;
  c.d_ff = shape.d_ff;
  c.max_positions = shape.max_positions;
  c.rope_theta = shape.rope_theta;
  c.tie_word_embeddings = shape.tie_word_embeddings;
  c.bos_token_id = bos;
  c.eos_token_ids = {eos};
  return c;
}

/// A new model's folder without weights: config and tokenizer of the built-in task.
Result<Path> write_new_folder(const PretrainConfig& config, const std::string& dtype) {
  const Path folder = Path(config.train.output_dir) / "new_model";
  R1_RETURN_IF_ERROR(make_folder(folder));
  const std::string tokenizer_json = last_digit_tokenizer_json();
  R1_TRY(const Tokenizer tokenizer, Tokenizer::from_json(tokenizer_json, "tokenizer.json"));
  const ModelConfig c = new_config(config.new_model, tokenizer.vocab_size(),
                                   *tokenizer.token_id("<bos>"), *tokenizer.token_id("<eos>"));
  R1_RETURN_IF_ERROR(c.validate());
  R1_TRY(const Family* family, find_family(c.architecture));
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "config.json", family->write_config(c, dtype)));
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "tokenizer.json", tokenizer_json));
  R1_RETURN_IF_ERROR(
      write_text_atomic(folder / "tokenizer_config.json", last_digit_tokenizer_config_json()));
  return folder;
}

Result<LoadedModel> make_model(const PretrainConfig& config, const Path& folder,
                               const Launch& launch) {
  if (!config.model.empty())
    return load_model(folder, {.dtype = config.train.dtype, .use = StoreUse::kTraining}, launch);
  R1_TRY(const ModelConfig c, open_config(folder));
  R1_TRY(const Dtype dtype, parse_dtype(config.train.dtype == "auto" ? "f32" : config.train.dtype));
  LoadedModel made{std::make_unique<Transformer>(c, dtype, StoreUse::kTraining), {}};
  R1_TRY(made.assets, read_assets(folder));
  made.model->init(config.train.seed, static_cast<float>(config.new_model.init_std),
                   static_cast<float>(config.new_model.embedding_std));
  made.model->refresh(launch);
  return made;
}

}  // namespace

Result<StageReport> pretrain(PretrainConfig config) {
  TrainingArguments& args = config.train;
  if (config.model.empty() && config.data != kLastDigitData) {
    return fail("model is not set; a new model needs a tokenizer, so name a folder: --model DIR");
  }
  R1_TRY(const Machine machine, Machine::open(args.compute));
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config)), {config.model}));
  Path folder = config.model;
  if (config.model.empty()) {
    R1_TRY(folder, write_new_folder(config, args.dtype == "bf16" ? "bfloat16" : "float32"));
  }
  if (run.resumed()) folder = run.resumed()->folder, config.model = folder;
  R1_TRY(LoadedModel loaded, make_model(config, folder, machine.launch()));
  Transformer& model = *loaded.model;
  R1_TRY(const Chat chat, Chat::open(folder, model.config()));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  const int64_t limit = model.config().max_positions;
  const int64_t max_length = config.max_length > 0 ? std::min(config.max_length, limit) : limit;
  log_memory(plan_training(model.config(), model.dtype(), kv_dtype, args, max_length));

  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, machine.launch());
  R1_TRY(Documents documents, Documents::open(config, chat, max_length));
  int64_t decay_from = -1;
  double operand = 0, sum = 0;
  if (run.resumed()) {
    R1_RETURN_IF_ERROR(run.restore(learner));
    const Json state = Json::parse(run.loop_state(), nullptr, false);
    R1_RETURN_IF_ERROR(documents.resume(state));
    decay_from = state.value("decay_from", int64_t{-1});
  }

  const Gate& gate = config.gate;
  SupervisedPlan plan;
  plan.title = "pretrain";
  plan.next = [&] { return documents.next(config.tokens_per_step); };
  plan.rate = [&](int64_t step) {
    double rate = *scheduled_rate(args, step);
    if (gate.enabled && decay_from >= 0) {
      const double done =
          static_cast<double>(step - decay_from) / static_cast<double>(gate.decay_steps);
      rate *= std::max(0.02, 1.0 - done);
    }
    return rate;
  };
  plan.is_done = [&](int64_t step) {
    return step >= args.max_steps || (decay_from >= 0 && step >= decay_from + gate.decay_steps);
  };
  plan.state = [&] {
    Json state = documents.state();
    state["decay_from"] = decay_from;
    return state.dump();
  };
  plan.measure = [&](int64_t step) -> Result<Metrics> {
    if (!gate.enabled || step % gate.every_steps != 0) return Metrics{};
    const ProbeResult probe = run_probes(learner, chat, args.seed, 64);
    operand = probe.operand;
    sum = probe.sum;
    const bool is_met = operand >= gate.operand && sum >= gate.sum;
    // with too few steps left for a whole decay, it begins anyway
    if (decay_from < 0 && (is_met || step + gate.decay_steps >= args.max_steps)) decay_from = step;
    return Metrics{{"gate/operand", operand}, {"gate/sum", sum}};
  };
  R1_TRY(StageReport report, run_supervised(run, learner, loaded.assets, args, plan));
  report.gate_met = operand >= gate.operand && sum >= gate.sum;
  return report;
}

}  // namespace r1
