#include "train/pretrain.h"

#include <nlohmann/json.hpp>

#include "kernels/lanes.h"
#include "models/family.h"
#include "train/examples.h"
#include "train/memory.h"
#include "train/supervised.h"
#include "train/weight_average.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

constexpr const char* kAverage = "weight_average";  // in train_state

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

/// A new model's folder without weights: config and tokenizer of the built-in task.
Result<Path> write_new_folder(const PretrainConfig& config, const std::string& dtype) {
  const Path folder = Path(config.train.output_dir) / "new_model";
  R1_RETURN_IF_ERROR(make_folder(folder));
  const std::string tokenizer_json = last_digit_tokenizer_json();
  R1_TRY(const Tokenizer tokenizer, Tokenizer::from_json(tokenizer_json, "tokenizer.json"));
  R1_TRY(const ModelConfig c,
         new_model_config(config.new_model, tokenizer.vocab_size(), *tokenizer.token_id("<bos>"),
                          *tokenizer.token_id("<eos>")));
  R1_TRY(const Family* family, find_family(c.architecture));
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "config.json", family->write_config(c, dtype)));
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "tokenizer.json", tokenizer_json));
  R1_RETURN_IF_ERROR(
      write_text_atomic(folder / "tokenizer_config.json", last_digit_tokenizer_config_json()));
  return folder;
}

/// What the weights of a new model are held in.
std::string new_dtype(const std::string& dtype) {
  if (dtype == "auto") return "f32";
  return dtype == "fp8" ? "bf16" : dtype;
}

Result<LoadedModel> load_extended(const ContextExtension& extension, const Path& folder,
                                  LoadOptions options, const Launch& launch) {
  R1_TRY(const ModelAssets assets, read_assets(folder));
  if (!assets.contains("config.json")) return fail("{}: no config.json", folder.string());
  auto extended = extend_config(assets.at("config.json"), extension);
  if (!extended) return fail_with(extended.error().with(folder.string()));
  options.config_json = std::move(*extended);
  R1_TRY(LoadedModel loaded, load_model(folder, options, launch));
  const int64_t positions = loaded.model->config().max_positions;
  if (auto it = loaded.assets.find("tokenizer_config.json"); it != loaded.assets.end())
    it->second = extend_tokenizer_config(it->second, positions);
  log_info("{} positions from now on ({})", positions, extension.rope_scaling);
  return loaded;
}

Result<LoadedModel> make_model(const PretrainConfig& config, const Path& folder,
                               const Launch& launch) {
  if (!config.model.empty()) {
    LoadOptions options{.dtype = config.train.dtype,
                        .use = StoreUse::kTraining,
                        .mla_form = config.train.mla_form,
                        .fp8_gradient_tile = config.train.fp8_gradient_tile};
    return config.extension.is_set() ? load_extended(config.extension, folder, options, launch)
                                     : load_model(folder, options, launch);
  }
  R1_TRY(ModelConfig c, open_config(folder));
  R1_RETURN_IF_ERROR(set_mla_form(c, config.train.mla_form));
  R1_RETURN_IF_ERROR(set_fp8(c, config.train.dtype, config.train.fp8_gradient_tile));
  R1_TRY(const Dtype dtype, parse_dtype(new_dtype(config.train.dtype)));
  LoadedModel made{
      std::make_unique<Transformer>(c, dtype, StoreUse::kTraining, Transformer::Packing{}, true),
      {}};
  R1_TRY(made.assets, read_assets(folder));
  made.model->init(config.train.seed, static_cast<float>(config.new_model.init_std),
                   static_cast<float>(config.new_model.embedding_std));
  made.model->refresh(launch);
  return made;
}

/// eval_loss and eval_bpb, and beside them those of the average.
Metrics measure_validation(const Validation& validation, WeightAverage* average, Learner& learner,
                           int64_t micro_batch_tokens) {
  const Validation::Loss loss = validation.measure(learner, micro_batch_tokens);
  Metrics metrics{{"eval_loss", loss.nats_per_token}, {"eval_bpb", loss.bits_per_byte}};
  if (!average) return metrics;
  average->exchange(learner.model(), learner.launch());
  const Validation::Loss averaged = validation.measure(learner, micro_batch_tokens);
  average->exchange(learner.model(), learner.launch());
  metrics.emplace_back("eval_loss_ema", averaged.nats_per_token);
  metrics.emplace_back("eval_bpb_ema", averaged.bits_per_byte);
  return metrics;
}

}  // namespace

Result<StageReport> pretrain(PretrainConfig config) {
  TrainingArguments& args = config.train;
  if (config.model.empty() && config.data != kLastDigitData) {
    return fail("model is not set; a new model needs a tokenizer, so name a folder: --model DIR");
  }
  if (config.model.empty() && config.extension.is_set()) {
    return fail(
        "rope_scaling is for a model that was trained before: --model DIR; a new one has "
        "new_model.max_positions");
  }
  if (!(config.ema_decay >= 0 && config.ema_decay < 1))
    return fail("ema_decay is {}; it is from 0 to below 1", config.ema_decay);
  R1_TRY(const TokenPlan tokens,
         TokenPlan::make(config.ramp, config.tokens_per_step, args.max_steps));
  args.max_steps = tokens.n_steps();
  R1_TRY(const Machine machine, Machine::open(args.compute));
  R1_TRY(Run run, Run::open(args, to_toml(list_fields(config)), {config.model}));
  Path folder = config.model;
  if (config.model.empty()) {
    R1_TRY(folder,
           write_new_folder(config, new_dtype(args.dtype) == "bf16" ? "bfloat16" : "float32"));
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
  ThreadPool& pool = *machine.launch().pool;
  const int64_t vocab_size = model.config().vocab_size;
  R1_TRY(Documents documents, Documents::open(config.data, config.columns, config.packing, chat,
                                              args.seed, vocab_size, max_length, pool));
  std::optional<Validation> validation;
  if (!config.validation.eval_data.empty()) {
    R1_TRY(validation,
           Validation::open(config.validation, config.data, config.columns, config.packing, chat,
                            args.seed, vocab_size, max_length, pool));
  }
  std::optional<WeightAverage> average;
  if (config.ema_decay > 0) average.emplace(model.trained(), config.ema_decay);
  int64_t decay_from = -1;
  double operand = 0, sum = 0;
  if (run.resumed()) {
    R1_RETURN_IF_ERROR(run.restore(learner));
    const Json state = Json::parse(run.loop_state(), nullptr, false);
    R1_RETURN_IF_ERROR(documents.resume(state.value("documents", run.loop_state())));
    if (average) R1_RETURN_IF_ERROR(run.resumed()->read(kAverage, average->tensor()));
    decay_from = state.value("decay_from", int64_t{-1});
  }

  const Gate& gate = config.gate;
  SupervisedPlan plan;
  plan.title = "pretrain";
  plan.mtp = config.mtp;
  R1_TRY(plan.balance, ExpertBalance::open(config.balance, model));
  plan.share_done = [&](int64_t step) {
    const int64_t end =
        decay_from >= 0 ? std::min(args.max_steps, decay_from + gate.decay_steps) : args.max_steps;
    return static_cast<double>(tokens.before(step)) / static_cast<double>(tokens.before(end));
  };
  plan.next = [&, step = run.first_step()]() mutable { return documents.next(tokens.at(step++)); };
  plan.rate = [&](int64_t step) {
    double rate = *scheduled_rate(args, step, tokens);
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
    return Json{{"documents", documents.state()}, {"decay_from", decay_from}}.dump();
  };
  if (average) plan.tensors = [&] { return std::vector{NamedTensor{kAverage, average->tensor()}}; };
  const auto probe_gate = [&](int64_t step) {
    const ProbeResult probe = run_probes(learner, chat, args.seed, 64);
    operand = probe.operand;
    sum = probe.sum;
    const bool is_met = operand >= gate.operand && sum >= gate.sum;
    // with too few steps left for a whole decay, it begins anyway
    if (decay_from < 0 && (is_met || step + gate.decay_steps >= args.max_steps)) decay_from = step;
    return Metrics{{"gate/operand", operand}, {"gate/sum", sum}};
  };
  const auto validate = [&] {
    return measure_validation(*validation, average ? &*average : nullptr, learner,
                              args.micro_batch_tokens);
  };
  plan.measure = [&](int64_t step) -> Result<Metrics> {
    if (average) average->update(machine.launch(), step);
    Metrics metrics;
    if (gate.enabled && step % gate.every_steps == 0) metrics = probe_gate(step);
    if (validation && (config.validation.is_due(step) || plan.is_done(step))) {
      const Metrics more = validate();
      metrics.insert(metrics.end(), more.begin(), more.end());
    }
    return metrics;
  };
  if (validation && !run.resumed()) R1_RETURN_IF_ERROR(run.record(0, validate()));
  R1_TRY(StageReport report, run_supervised(run, learner, loaded.assets, args, plan));
  if (average) {
    average->exchange(model, machine.launch());
    R1_RETURN_IF_ERROR(save_model(run.folder() / "final_ema", model, loaded.assets));
    average->exchange(model, machine.launch());
  }
  report.gate_met = operand >= gate.operand && sum >= gate.sum;
  return report;
}

}  // namespace r1
