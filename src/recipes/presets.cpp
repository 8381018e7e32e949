#include "recipes/presets.h"

namespace r1 {

PretrainConfig v3_tiny() {
  PretrainConfig c;
  c.tokens_per_step = 1024;
  c.new_model.architecture = "deepseek_v3";
  c.new_model.num_nextn_predict_layers = 1;
  c.gate.enabled = true;
  c.balance.balance = "aux_free";
  c.train.learning_rate = 1.5e-3;
  c.train.warmup_steps = 20;
  c.train.max_steps = 5000;
  c.train.logging_steps = 10;
  return c;
}

std::string_view r1_recipe() {
  return
#include <r1_recipe.inc>
      ;
}

}  // namespace r1
