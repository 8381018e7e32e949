#include "train/adapters.h"

#include "models/describe.h"

namespace r1 {
namespace {

/// The adapter of the run that goes on is the one that these options made.
Result<ModelPaths> resume_paths(ModelPaths paths, const LoraConfig& lora, const Path& checkpoint) {
  if (!is_peft_folder(checkpoint)) {
    return fail("{}: this run trains all weights; leave out adapter and lora.r to go on with it",
                checkpoint.string());
  }
  R1_TRY(const PeftAdapter adapter, PeftAdapter::open(checkpoint));
  if (lora.r > 0 && (adapter.config().r != lora.r || adapter.config().scale() != lora.scale())) {
    return fail(
        "{}: its adapter has r {} and lora_alpha {}; give the same options to go on with it",
        checkpoint.string(), adapter.config().r, adapter.config().lora_alpha);
  }
  paths.adapter = checkpoint;
  return paths;
}

}  // namespace

Result<TrainedModel> find_trained(const std::string& model, const AdapterArguments& adapters,
                                  const TrainingArguments& args) {
  TrainedModel from;
  R1_TRY(from.paths, find_model(model, adapters.adapter));
  const bool has_adapter = !from.paths.adapter.empty();
  from.is_adapted = has_adapter || adapters.lora.r > 0;
  if (adapters.lora.r < 0) return fail("lora.r is {}; it must not be negative", adapters.lora.r);
  if (has_adapter && adapters.lora.r > 0) {
    return fail("lora.r begins a new adapter, but {} is one already; leave it out to go on with it",
                from.paths.adapter.string());
  }
  if (!adapters.quantize.empty() && !from.is_adapted) {
    return fail(
        "quantize {} is for the frozen base of an adapter, and all weights learn here: "
        "set lora.r, e.g. --lora.r 16",
        adapters.quantize);
  }
  if (has_adapter) {
    R1_TRY(const PeftAdapter adapter, PeftAdapter::open(from.paths.adapter));
    if (adapter.config().lora_dropout != 0) {
      return fail(
          "{}: lora_dropout is {}, and dropout is not implemented; set it to 0 in "
          "adapter_config.json to train without",
          from.paths.adapter.string(), adapter.config().lora_dropout);
    }
  }
  R1_TRY(from.shape, open_config(from.paths.base));
  R1_RETURN_IF_ERROR(set_mla_form(from.shape, args.mla_form));
  R1_RETURN_IF_ERROR(set_fp8(from.shape, args.dtype, args.fp8_gradient_tile));
  if (from.shape.fp8.enabled && from.is_adapted) {
    return fail("dtype fp8 trains all weights, and this run trains an adapter: use f32 or bf16");
  }
  return from;
}

Result<LoadedModel> load_trained(const TrainedModel& from, const AdapterArguments& adapters,
                                 const TrainingArguments& args, const Run& run,
                                 const Launch& launch, bool with_mtp) {
  ModelPaths paths = from.paths;
  if (!from.is_adapted) {
    const Path folder = run.resumed() ? run.resumed()->folder : paths.base;
    if (is_peft_folder(folder)) {
      return fail("{}: this run trains an adapter; give the same lora.r to go on with it",
                  folder.string());
    }
    return load_model(folder,
                      {.dtype = args.dtype,
                       .use = StoreUse::kTraining,
                       .mla_form = args.mla_form,
                       .fp8_gradient_tile = args.fp8_gradient_tile},
                      launch);
  }
  if (run.resumed()) {
    R1_TRY(paths, resume_paths(paths, adapters.lora, run.resumed()->folder));
  }
  const LoadOptions options{.dtype = args.dtype,
                            .quantize = adapters.quantize,
                            .mla_form = args.mla_form,
                            .mtp = with_mtp};
  R1_TRY(LoadedModel loaded, load_model(paths, options, launch));
  if (!loaded.model->adapted()) {
    LoraConfig lora = adapters.lora;
    lora.base_model_name_or_path = paths.base.string();
    auto made = loaded.model->adapt(lora, args.seed);
    if (!made) return fail_with(made.error().with(paths.base.string()));
    loaded.model->refresh(launch);
  }
  log_info("{}", describe_trainable(*loaded.model));
  return loaded;
}

std::string describe_trainable(const Transformer& model) {
  int64_t n_trained = 0;
  for (const Parameter* p : model.trained().parameters()) n_trained += p->numel();
  const int64_t n = model.n_parameters() + (model.adapted() ? n_trained : 0);
  return fmt::format("trainable params: {} || all params: {} || trainable%: {:.4f}",
                     with_commas(n_trained), with_commas(n),
                     100.0 * static_cast<double>(n_trained) / static_cast<double>(n));
}

}  // namespace r1
