#include "train/run.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/peft.h"
#include "train/run_options.h"

namespace r1 {
namespace {

constexpr const char *kSamples = "samples.jsonl", *kLoads = "experts.jsonl",
                     *kWatched = "watched.jsonl";

/// Keeps the lines {"step": N, … with N <= last.
Result<void> cut_lines(const Path& file, int64_t last) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  R1_TRY(const std::string text, read_text(file));
  std::string kept;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // a torn line
    long long step = 0;
    if (std::sscanf(text.c_str() + begin, "{\"step\":%lld", &step) == 1 && step <= last) {
      kept.append(text, begin, end + 1 - begin);
    }
    begin = end + 1;
  }
  return write_text_atomic(file, kept);
}

/// Something was recorded or saved: a start that failed before its first step leaves nothing
/// behind.
bool holds_run(const Path& folder) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(folder / "metrics.jsonl", ignored);
  if (!ignored && size > 0) return true;
  return std::filesystem::is_directory(folder / "checkpoints", ignored) &&
         !std::filesystem::is_empty(folder / "checkpoints", ignored);
}

bool lies_in(const Path& path, const Path& folder) {
  std::error_code ignored;
  const Path inner = std::filesystem::weakly_canonical(path, ignored);
  const Path outer = std::filesystem::weakly_canonical(folder, ignored);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

Result<void> prepare_folder(const TrainingArguments& args, const Path& folder,
                            const std::vector<Path>& models) {
  std::error_code error;
  for (const Path& model : models) {
    if (!args.overwrite || model.empty() || !lies_in(model, folder)) continue;
    return fail(
        "--overwrite would delete the model {}, which lies in output_dir {}; choose another "
        "output_dir",
        model.string(), folder.string());
  }
  if (args.overwrite) {
    for (const char* name : {"checkpoints", "final", "final_ema", "metrics.jsonl", "timing",
                             "tensorboard", kSamples, kLoads, kWatched}) {
      std::filesystem::remove_all(folder / name, error);
    }
  }
  if (holds_run(folder) && !args.resume) {
    return fail(
        "output_dir {} already holds a run; --resume goes on with it, --overwrite starts again",
        folder.string());
  }
  return make_folder(folder);
}

std::vector<NamedTensor> state_tensors(Learner& learner) {
  const ParameterStore& store = learner.model().trained();
  std::vector<NamedTensor> tensors{{"optimizer.mean", learner.optimizer().mean()},
                                   {"optimizer.variance", learner.optimizer().variance()}};
  const bool is_narrow = learner.model().dtype() != Dtype::kF32 && !learner.model().adapted();
  if (is_narrow) tensors.push_back({"masters", store.masters()});
  return tensors;
}

Result<void> save_trained(const Path& folder, const Transformer& model, const ModelAssets& assets) {
  return model.adapted() ? save_adapter(folder, model, assets) : save_model(folder, model, assets);
}

}  // namespace

Result<void> TrainingArguments::validate() const {
  if (output_dir.empty())
    return fail("output_dir is not set; name the run's folder: --output_dir runs/a");
  if (max_steps < 1) return fail("max_steps is {}; it must be at least 1", max_steps);
  if (!(learning_rate > 0)) return fail("learning_rate is {}; it must be positive", learning_rate);
  if (micro_batch_tokens < 1)
    return fail("micro_batch_tokens is {}; it must be at least 1", micro_batch_tokens);
  if (save_total_limit < 1)
    return fail("save_total_limit is {}; it must be at least 1", save_total_limit);
  if (logging_steps < 1) return fail("logging_steps is {}; it must be at least 1", logging_steps);
  if (resume && overwrite) return fail("resume and overwrite exclude each other");
  R1_TRY([[maybe_unused]] const double share,
         rate_share(lr_scheduler_type, 0, 0, min_lr_ratio, rate_shape));
  return optimizer.validate();
}

Result<double> scheduled_rate(const TrainingArguments& args, int64_t step) {
  return scheduled_rate(args, step, TokenPlan(1, args.max_steps));
}

Result<double> scheduled_rate(const TrainingArguments& args, int64_t step, const TokenPlan& plan) {
  if (step < args.warmup_steps) {
    return args.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(args.warmup_steps);
  }
  const int64_t warm = plan.before(args.warmup_steps);
  const double rest = static_cast<double>(std::max<int64_t>(1, plan.total() - warm));
  const double after_warmup = std::min(1.0, static_cast<double>(plan.before(step) - warm) / rest);
  R1_TRY(const double share, rate_share(args.lr_scheduler_type, plan.done(step), after_warmup,
                                        args.min_lr_ratio, args.rate_shape));
  return args.learning_rate * share;
}

Result<Dtype> kv_dtype_of(const std::string& name, Dtype model_dtype) {
  if (name == "auto") return model_dtype == Dtype::kBF16 ? Dtype::kBF16 : Dtype::kF32;
  R1_TRY(const Dtype dtype, parse_dtype(name));
  if (dtype != Dtype::kF32 && dtype != Dtype::kBF16)
    return fail("kv_dtype {} is not implemented; use f32 or bf16", name);
  return dtype;
}

Result<Run> Run::open(const TrainingArguments& args, const std::string& config_toml,
                      const std::vector<Path>& models) {
  R1_RETURN_IF_ERROR(args.validate());
  const Path folder = args.output_dir;
  R1_RETURN_IF_ERROR(prepare_folder(args, folder, models));
  std::optional<LoadedState> resumed;
  if (args.resume) {
    R1_TRY(const auto step, latest_good_checkpoint(folder));
    if (step) {
      R1_TRY(LoadedState state, load_checkpoint(folder, *step));
      log_info("resuming {} from step {}", folder.string(), *step);
      if (const auto begun = read_text(folder / "config.toml"))
        R1_RETURN_IF_ERROR(check_resumed_options(*begun, config_toml, folder));
      resumed = std::move(state);
    } else {
      log_info("no checkpoint in {} yet: starting from the beginning", folder.string());
    }
  }
  const int64_t step = resumed ? resumed->step : -1;  // step 0 is the evaluation before training
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "config.toml", config_toml));
  R1_TRY(Records records, Records::open(folder, step));
  R1_TRY(Records timing, Records::open(folder / "timing", step));
  for (const char* file : {kSamples, kLoads, kWatched}) {
    R1_RETURN_IF_ERROR(cut_lines(folder / file, step));
  }
  Run run(folder, std::move(records), std::move(timing), args.save_total_limit);
  run.resumed_ = std::move(resumed);
  return run;
}

Result<void> Run::append(const char* file, int64_t step, const std::string& json) {
  CHECK(json.size() > 2 && json.front() == '{', "a line is a JSON object");
  std::ofstream out(folder_ / file, std::ios::app);
  out << "{\"step\":" << step << "," << json.substr(1) << "\n";
  out.flush();
  if (!out)
    return fail("{}: cannot be written; free some disk space, then --resume",
                (folder_ / file).string());
  return {};
}

Result<void> Run::record_sample(int64_t step, const std::string& json) {
  return append(kSamples, step, json);
}

Result<void> Run::record_watched(int64_t step, const std::string& json) {
  return append(kWatched, step, json);
}

Result<void> Run::record_loads(int64_t step, const std::string& json) {
  return json.empty() ? Result<void>{} : append(kLoads, step, json);
}

Result<void> Run::save(int64_t step, Learner& learner, const ModelAssets& assets,
                       const std::string& json, const std::vector<NamedTensor>& more) {
  const nlohmann::json all{{"optimizer_steps", learner.optimizer().n_steps()}, {"loop", json}};
  TrainState state{step, all.dump(), state_tensors(learner)};
  state.tensors.insert(state.tensors.end(), more.begin(), more.end());
  const auto write = [&](const Path& folder) {
    return save_trained(folder, learner.model(), assets);
  };
  return save_checkpoint(folder_, step, write, state, keep_last_);
}

Result<void> Run::restore(Learner& learner) const {
  if (!resumed_) return {};
  for (const NamedTensor& tensor : state_tensors(learner)) {
    R1_RETURN_IF_ERROR(resumed_->read(tensor.name, tensor.tensor));
  }
  const auto all = nlohmann::json::parse(resumed_->json, nullptr, false);
  if (!all.is_object() || !all.contains("optimizer_steps")) {
    return fail(
        "{}: progress.json has no optimizer_steps; remove this checkpoint to go on from an earlier "
        "one",
        resumed_->folder.string());
  }
  learner.optimizer().set_n_steps(all["optimizer_steps"].get<int64_t>());
  learner.model().refresh(learner.launch());
  return {};
}

std::string Run::loop_state() const {
  if (!resumed_) return "{}";
  const auto all = nlohmann::json::parse(resumed_->json, nullptr, false);
  return all.is_object() ? all.value("loop", std::string("{}")) : "{}";
}

Error Run::diverged(int64_t step, const std::string& data, const Error& error) const {
  const auto saved = list_checkpoints(folder_);
  const bool can_resume = saved && !saved->empty();
  return {
      fmt::format("step {} (data {}): {}; the update was not made. Lower learning_rate or "
                  "optimizer.max_grad_norm and {}",
                  step, data, error.message,
                  can_resume ? fmt::format("go on from step {} with --resume", saved->back())
                             : "start again with --overwrite")};
}

Result<void> Run::save_final(const Transformer& model, const ModelAssets& assets) const {
  return save_trained(folder_ / "final", model, assets);
}

}  // namespace r1
