#include "train/distill.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "data/cursor.h"
#include "data/last_digit.h"
#include "models/family.h"
#include "reward/episodes.h"
#include "train/adapters.h"
#include "train/distill_batch.h"
#include "train/examples.h"
#include "train/memory.h"
#include "train/vocabulary.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

/// What a run learns from: prompts, and the examples of those rows that have a completion.
struct DistillData {
  std::vector<Problem> problems;  // empty: the built-in task
  std::vector<TokenSequence> examples;

  int64_t n_rows() const { return std::ssize(problems); }
};

bool needs_examples(const DistillConfig& c) { return c.method != "on_policy" || c.lmbda < 1; }

Result<DistillData> read_data(const DistillConfig& config, const Chat& chat, int64_t max_length) {
  DistillData data;
  if (config.data == kLastDigitData) return data;
  R1_TRY(std::vector<Problem> all, read_problems(config.data, config.columns));
  int64_t n_long = 0, n_empty = 0;
  for (Problem& problem : all) {
    if (problem.messages.empty() || (needs_examples(config) && problem.completion.empty())) {
      ++n_empty;
      continue;
    }
    auto example = answer_example(chat, problem);
    if (!example) return fail_with(example.error().with(problem.id));
    if (std::ssize(example->tokens) > max_length) {
      ++n_long;
      continue;
    }
    data.examples.push_back(std::move(*example));
    data.problems.push_back(std::move(problem));
  }
  if (data.problems.empty())
    return fail(
        "{}: no row can be learned from: of {}, {} have no prompt or no completion, and {} are "
        "longer than {} tokens (rows with prompts alone: --method on_policy --lmbda 1)",
        config.data, all.size(), n_empty, n_long, max_length);
  if (n_long + n_empty > 0)
    log_warn("{}: {} rows left out: {} without prompt or completion, {} longer than {} tokens",
             config.data, n_long + n_empty, n_empty, n_long, max_length);
  return data;
}

/// One run of distillation; distill() below owns what it refers to.
struct DistillRun {
  const DistillConfig& config;
  const Chat& chat;
  const DistillData& data;
  Distiller& distiller;
  Engine* engine;  // on_policy alone
  ThreadPool& pool;
  DataCursor cursor;
  int64_t step = 0;

  Result<StepLoss> accumulate();
  bool is_sampled() const;
  Result<StepLoss> from_samples(const std::vector<int64_t>& rows);
};

bool DistillRun::is_sampled() const {
  if (config.method != "on_policy") return false;
  Rng rng(config.train.seed, stream_key({static_cast<uint64_t>(Purpose::kRollout), 0xD157,
                                         static_cast<uint64_t>(step)}));
  return rng.uniform() < config.lmbda;
}

Result<StepLoss> DistillRun::from_samples(const std::vector<int64_t>& rows) {
  std::vector<Problem> problems;
  for (const int64_t row : rows)
    problems.push_back(data.problems.empty() ? last_digit_problem(config.train.seed, false, row)
                                             : data.problems[static_cast<size_t>(row)]);
  EpisodePlan plan;
  plan.n_samples = 1;
  plan.max_tokens = config.max_completion_length;
  plan.params = config.sampling;
  plan.params.seed = config.train.seed;
  plan.stream = [&](int p, int) {
    return stream_key({static_cast<uint64_t>(Purpose::kRollout), static_cast<uint64_t>(step),
                       static_cast<uint64_t>(p)});
  };
  const RewardSet none({});
  R1_TRY(const std::vector<Episode> episodes,
         sample_episodes(*engine, chat, problems, plan, none, pool));
  std::vector<TokenSequence> sequences;
  std::vector<std::vector<float>> old_logp;
  double length = 0;
  for (const Episode& e : episodes) {
    TokenSequence s{e.prompt, std::vector<float>(e.prompt.size(), 0.0f)};
    s.tokens.insert(s.tokens.end(), e.tokens.begin(), e.tokens.end());
    s.weights.resize(s.tokens.size(), 1.0f);
    sequences.push_back(std::move(s));
    old_logp.push_back(e.logp);
    length += static_cast<double>(e.tokens.size());
  }
  auto loss = config.objective == "policy_gradient" ? distiller.policy_gradient(sequences, old_logp)
                                                    : distiller.divergence(sequences);
  if (loss)
    loss->metrics.emplace_back("completions/mean_length",
                               length / static_cast<double>(episodes.size()));
  return loss;
}

Result<StepLoss> DistillRun::accumulate() {
  std::vector<int64_t> rows;
  const bool is_built_in = data.problems.empty();
  for (int64_t i = 0; i < config.train_batch_size; ++i)
    rows.push_back(is_built_in ? step * config.train_batch_size + i : cursor.next());
  const bool sampled = is_sampled();
  std::vector<TokenSequence> sequences;
  for (const int64_t row : rows) {
    if (!sampled) sequences.push_back(data.examples[static_cast<size_t>(row)]);
  }
  auto loss = sampled ? from_samples(rows) : distiller.divergence(sequences, rows);
  if (loss && config.method == "on_policy")
    loss->metrics.emplace_back("distill/on_policy", sampled ? 1.0 : 0.0);
  ++step;
  return loss;
}

/// The teacher's likeliest tokens: from the file, or computed and written there.
Result<TeacherCache> cached_teacher(const DistillConfig& config, const DistillData& data,
                                    int64_t n_vocabulary, Dtype kv_dtype, const Launch& launch) {
  const Path file = config.teacher_cache.empty()
                        ? Path(config.train.output_dir) / "teacher_top_k.safetensors"
                        : Path(config.teacher_cache);
  const std::string key = TeacherCache::key_of(data.examples, config.teacher_top_k,
                                               config.loss.temperature, config.teacher);
  R1_TRY(auto cache, TeacherCache::read(file, key));
  if (cache) return std::move(*cache);
  R1_TRY(const LoadedModel teacher,
         load_model(config.teacher,
                    {.dtype = config.teacher_dtype, .quantize = config.teacher_quantize}, launch));
  TeacherCache made = TeacherCache::compute(*teacher.model, data.examples, config.teacher_top_k,
                                            config.loss.temperature, n_vocabulary,
                                            config.train.micro_batch_tokens, kv_dtype, launch);
  R1_RETURN_IF_ERROR(made.write(file, key));
  return made;
}

std::vector<int64_t> first_rows(const std::vector<TokenSequence>& examples) {
  std::vector<int64_t> rows;
  int64_t at = 0;
  for (const TokenSequence& s : examples) {
    rows.push_back(at);
    at += std::count_if(s.weights.begin(), s.weights.end(), [](float w) { return w != 0; });
  }
  return rows;
}

int64_t longest(const DistillConfig& config, const DistillData& data, int64_t limit) {
  size_t n = 2;
  for (const TokenSequence& s : data.examples) n = std::max(n, s.tokens.size());
  const int64_t examples = std::ssize(data.examples) > 0 ? static_cast<int64_t>(n) : 0;
  if (config.method != "on_policy") return std::max<int64_t>(1, examples - 1);
  return std::min(limit, std::max(examples, config.max_completion_length + 64));
}

}  // namespace

Result<void> DistillLossConfig::validate() const {
  if (divergence != "forward_kl" && divergence != "reverse_kl" && divergence != "jsd")
    return fail("unknown divergence '{}'; known: forward_kl, reverse_kl, jsd", divergence);
  if (!(beta >= 0 && beta <= 1)) return fail("beta is {}; it must be from 0 to 1", beta);
  if (!(temperature > 0)) return fail("temperature is {}; it must be above 0", temperature);
  if (!(alpha >= 0 && alpha <= 1)) return fail("alpha is {}; it must be from 0 to 1", alpha);
  if (!(feature_weight > 0))
    return fail("feature_weight is {}; it must be above 0", feature_weight);
  R1_TRY([[maybe_unused]] const FeatureLoss kind, parse_feature_loss(feature_loss));
  return {};
}

Result<void> DistillConfig::validate() const {
  if (teacher.empty()) return fail("teacher is not set; name a model folder: --teacher DIR");
  if (method != "logits" && method != "on_policy" && method != "features")
    return fail("unknown method '{}'; known: traces, logits, on_policy, features", method);
  R1_RETURN_IF_ERROR(loss.validate());
  if (train_batch_size < 1)
    return fail("train_batch_size is {}; it must be at least 1", train_batch_size);
  if (!(lmbda >= 0 && lmbda <= 1)) return fail("lmbda is {}; it must be from 0 to 1", lmbda);
  if (objective != "divergence" && objective != "policy_gradient")
    return fail("unknown objective '{}'; known: divergence, policy_gradient", objective);
  if (!(sampling.temperature > 0))
    return fail("sampling.temperature is {}; it must be above 0", sampling.temperature);
  if (!(epsilon > 0)) return fail("epsilon is {}; it must be above 0", epsilon);
  if (teacher_top_k < 0) return fail("teacher_top_k is {}; it must not be negative", teacher_top_k);
  if (teacher_top_k > 0 && (method != "logits" || loss.divergence != "forward_kl"))
    return fail("teacher_top_k is for --method logits --divergence forward_kl");
  if (data == kLastDigitData && needs_examples(*this))
    return fail(
        "data {} has prompts alone; name a JSONL file with completions (--method traces makes "
        "one), or take --method on_policy --lmbda 1",
        kLastDigitData);
  return {};
}

Result<Path> make_student(const NewModel& shape, const Path& teacher, const Path& folder,
                          const TrainingArguments& args, const Launch& launch) {
  std::error_code ignored;
  if (args.resume && std::filesystem::exists(folder / "model.safetensors", ignored)) return folder;
  R1_TRY(ModelAssets assets, read_assets(teacher));
  R1_TRY(const Tokenizer tokenizer, Tokenizer::from_files(assets, teacher));
  const int32_t eos = tokenizer.eos_id().value_or(0);
  R1_TRY(const ModelConfig c,
         new_model_config(shape, tokenizer.vocab_size(), tokenizer.bos_id().value_or(eos), eos));
  R1_TRY(const Family* family, find_family(c.architecture));
  for (const char* own : {"config.json", "generation_config.json"}) assets.erase(own);
  const bool is_narrow = args.dtype == "bf16" || args.dtype == "fp8";
  assets["config.json"] = family->write_config(c, is_narrow ? "bfloat16" : "float32");
  Transformer model(c, is_narrow ? Dtype::kBF16 : Dtype::kF32, StoreUse::kTraining, {}, true);
  model.init(args.seed, static_cast<float>(shape.init_std),
             static_cast<float>(shape.embedding_std));
  model.refresh(launch);
  R1_RETURN_IF_ERROR(save_model(folder, model, assets));
  return folder;
}

namespace {

Result<TrainedModel> find_student(DistillConfig& config, const Launch& launch) {
  if (config.model.empty()) {
    R1_TRY(const Path made,
           make_student(config.new_model, config.teacher, Path(config.train.output_dir) / "student",
                        config.train, launch));
    config.model = made.string();
  }
  return find_trained(config.model, config.adapters, config.train);
}

Result<LoadedModel> load_teacher(const DistillConfig& config, const Launch& launch) {
  if (config.teacher_top_k > 0) return LoadedModel{};  // its cache, if there is one, will do
  return load_model(config.teacher,
                    {.dtype = config.teacher_dtype, .quantize = config.teacher_quantize}, launch);
}

Result<std::unique_ptr<FeatureMatch>> make_features(const DistillConfig& config,
                                                    const ModelConfig& student,
                                                    const ModelConfig& teacher,
                                                    const Launch& launch) {
  if (config.method != "features") return nullptr;
  R1_TRY(const auto pairs,
         parse_layer_pairs(config.loss.feature_layers, student.n_layers, teacher.n_layers));
  R1_TRY(const FeatureLoss kind, parse_feature_loss(config.loss.feature_loss));
  return std::make_unique<FeatureMatch>(pairs, student.d_model, teacher.d_model, kind,
                                        config.train.optimizer, config.train.seed, launch);
}

void log_plan(const DistillConfig& config, const Transformer& model, const Transformer* teacher,
              Dtype kv_dtype, int64_t max_length) {
  MemoryPlan memory = plan_training(model, kv_dtype, config.train, max_length);
  if (teacher)
    memory.parts.emplace_back("teacher", teacher->store().n_bytes() + teacher->panel_bytes());
  if (config.method == "on_policy") {
    const MemoryPlan sampler = plan_engine(model, kv_dtype, config.engine);
    memory.parts.insert(memory.parts.end(), sampler.parts.begin(), sampler.parts.end());
  }
  log_memory(memory);
}

Result<void> restore(const Run& run, Learner& learner, DataCursor& cursor, FeatureMatch* features) {
  if (!run.resumed()) return {};
  R1_RETURN_IF_ERROR(run.restore(learner));
  const Json state = Json::parse(run.loop_state(), nullptr, false);
  R1_RETURN_IF_ERROR(
      cursor.resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0})));
  if (!features) return {};
  for (const NamedTensor& t : features->tensors())
    R1_RETURN_IF_ERROR(run.resumed()->read(t.name, t.tensor));
  features->restored(run.first_step());
  return {};
}

SupervisedPlan plan_of(DistillRun& r, const TrainingArguments& args, FeatureMatch* features) {
  SupervisedPlan plan;
  plan.title = "distill";
  plan.accumulate = [&r] { return r.accumulate(); };
  plan.rate = [&args](int64_t step) { return *scheduled_rate(args, step); };
  plan.is_done = [&args](int64_t step) { return step >= args.max_steps; };
  plan.state = [&r] {
    return Json{{"epoch", r.cursor.epoch()}, {"position", r.cursor.position()}}.dump();
  };
  plan.share_done = [&args](int64_t step) {
    return static_cast<double>(step) / static_cast<double>(args.max_steps);
  };
  plan.mtp.mtp_loss_weight = plan.mtp.mtp_loss_weight_end = 0;  // its modules stay as they are
  if (!features) return plan;
  plan.measure = [&args, features](int64_t done) -> Result<Metrics> {
    R1_TRY([[maybe_unused]] const double norm,
           features->step(static_cast<float>(*scheduled_rate(args, done - 1))));
    return Metrics{};
  };
  plan.tensors = [features] { return features->tensors(); };
  return plan;
}

/// The prompts' and completions' longest sequence that both models can take.
int64_t length_limit(const DistillConfig& config, const ModelConfig& student,
                     const ModelConfig& teacher) {
  const int64_t limit = std::min(student.max_positions, teacher.max_positions);
  return config.max_length > 0 ? std::min(config.max_length, limit) : limit;
}

}  // namespace

Result<StageReport> distill(DistillConfig config, const Evaluation& evaluation) {
  TrainingArguments& args = config.train;
  if (config.method == "traces") return distill_traces(std::move(config), evaluation);
  R1_RETURN_IF_ERROR(config.validate());
  R1_RETURN_IF_ERROR(args.validate());
  R1_TRY(const Machine machine, Machine::open(args.compute));
  const Launch launch = machine.launch();
  const std::string config_toml = to_toml(list_fields(config));
  R1_TRY(const ModelConfig taught_by, open_config(config.teacher));
  R1_TRY(const Chat teacher_chat, Chat::open(config.teacher, taught_by));
  R1_TRY(const TrainedModel from, find_student(config, launch));
  R1_TRY(const Chat chat, Chat::open(from.paths.words, from.shape));
  R1_TRY(const int64_t n_words, common_vocabulary(teacher_chat.tokenizer(), chat.tokenizer()));
  const int64_t n_vocabulary = std::min({n_words, from.shape.vocab_size, taught_by.vocab_size});
  const int64_t max_length = length_limit(config, from.shape, taught_by);
  R1_TRY(const DistillData data, read_data(config, chat, max_length));
  if (config.num_train_epochs > 0 && data.n_rows() > 0) {
    const double rows = static_cast<double>(data.n_rows()) * config.num_train_epochs;
    args.max_steps =
        std::max<int64_t>(1, std::llround(rows / static_cast<double>(config.train_batch_size)));
  }
  R1_TRY(Run run,
         Run::open(args, config_toml, {config.teacher, from.paths.base, from.paths.adapter}));
  R1_TRY(LoadedModel loaded, load_trained(from, config.adapters, args, run, launch));
  Transformer& model = *loaded.model;
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(args.kv_dtype, model.dtype()));
  R1_TRY(const LoadedModel teacher, load_teacher(config, launch));
  log_plan(config, model, teacher.model.get(), kv_dtype, longest(config, data, max_length));
  Learner learner(model, args.optimizer, kv_dtype, args.gradient_checkpointing, launch);
  Distiller distiller(config, learner, teacher.model.get(), n_vocabulary);
  if (config.teacher_top_k > 0) {
    R1_TRY(TeacherCache cache, cached_teacher(config, data, n_vocabulary, kv_dtype, launch));
    distiller.use_cache(std::move(cache), first_rows(data.examples));
  }
  R1_TRY(const auto features, make_features(config, from.shape, taught_by, launch));
  distiller.use_features(features.get());
  std::optional<Engine> engine;
  if (config.method == "on_policy") {
    R1_RETURN_IF_ERROR(config.engine.validate(model));
    engine.emplace(model, kv_dtype, config.engine, launch);
  }
  DistillRun r{config,
               chat,
               data,
               distiller,
               engine ? &*engine : nullptr,
               *launch.pool,
               DataCursor(std::max<int64_t>(1, data.n_rows()), args.seed),
               run.first_step()};
  R1_RETURN_IF_ERROR(restore(run, learner, r.cursor, features.get()));
  SupervisedPlan plan = plan_of(r, args, features.get());
  R1_RETURN_IF_ERROR(add_evaluation(plan, evaluation, config.held_out.eval_steps,
                                    {run, model, chat, machine, args.max_steps}));
  return run_supervised(run, learner, loaded.assets, args, plan);
}

}  // namespace r1
