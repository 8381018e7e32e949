#include "cli/plan_machine.h"
#include "text/tokenizer.h"
#include "train/examples.h"

namespace r1 {
namespace {

constexpr int64_t kDocuments = 64;  // whose mean length is taken

Result<PretrainConfig> read_stage(const std::string& file) {
  R1_TRY(const std::string text, read_text(file));
  PretrainConfig stage;
  stage.train.max_steps = 4000;  // as r1 pretrain
  R1_RETURN_IF_ERROR(apply_toml(list_fields(stage), text, file));
  return stage;
}

Result<ModelConfig> config_of(const PretrainConfig& stage, const Tokenizer& tokenizer) {
  if (!stage.model.empty()) return open_config(stage.model);
  return new_model_config(stage.new_model, tokenizer.vocab_size(), *tokenizer.token_id("<bos>"),
                          *tokenizer.token_id("<eos>"));
}

int64_t mean_length(const PretrainConfig& stage, const Tokenizer& tokenizer) {
  int64_t tokens = 0;
  for (int64_t i = 0; i < kDocuments; ++i) {
    const auto document = last_digit_document(stage.train.seed, i);
    tokens += static_cast<int64_t>(document_example(tokenizer, document).tokens.size()) - 1;
  }
  return tokens / kDocuments;
}

}  // namespace

Result<Dtype> held_dtype(const std::string& dtype) {
  return parse_dtype(dtype == "auto" ? "f32" : dtype == "fp8" ? "bf16" : dtype);
}

Result<MachineRequest> read_recipe(const std::string& file) {
  R1_TRY(const PretrainConfig stage, read_stage(file));
  return plan_request(stage, file);
}

Result<MachineRequest> plan_request(const PretrainConfig& stage, const std::string& name) {
  R1_TRY(const Tokenizer words,
         Tokenizer::from_json(last_digit_tokenizer_json(), "tokenizer.json"));
  R1_TRY(ModelConfig config, config_of(stage, words));
  R1_RETURN_IF_ERROR(set_mla_form(config, stage.train.mla_form));
  const std::string& dtype = stage.train.dtype;
  R1_RETURN_IF_ERROR(set_fp8(config, dtype, stage.train.fp8_gradient_tile));
  MachineRequest request{name, {config}, stage.train.max_steps};
  StepPlan& plan = request.plan;
  R1_TRY(plan.dtype, held_dtype(dtype));
  R1_TRY(plan.kv_dtype, kv_dtype_of(stage.train.kv_dtype, plan.dtype));
  plan.args = stage.train;
  plan.tokens = stage.tokens_per_step;
  plan.length = config.max_positions;
  if (stage.max_length > 0) plan.length = std::min(plan.length, stage.max_length);
  if (stage.data == kLastDigitData) {  // a step ends with a whole document
    plan.length = mean_length(stage, words);
    plan.tokens += plan.length / 2;
  }
  return request;
}

}  // namespace r1
