#include "train/memory.h"

#include <algorithm>
#include <fstream>

namespace r1 {
namespace {

/// MemAvailable of /proc/meminfo in bytes; 0 when unknown.
int64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (int64_t value = 0; in >> key >> value;) {
    if (key == "MemAvailable:") return value * 1024;
    std::getline(in, unit);
  }
  return 0;
}

TokenSequence longest_sequence(int64_t n_tokens) {
  TokenSequence s;
  s.tokens.assign(n_tokens, 0);
  s.weights.assign(n_tokens, 1.0f);
  return s;
}

}  // namespace

int64_t MemoryPlan::total() const {
  int64_t sum = 0;
  for (const auto& part : parts) sum += part.second;
  return sum;
}

MemoryPlan plan_training(const ModelConfig& config, Dtype dtype, Dtype kv_dtype,
                         const TrainingArguments& args, int64_t max_length) {
  const Transformer model(config, dtype, StoreUse::kPlan);
  Arena arena(true);
  Context ctx{{Backend::kPlan, nullptr}, arena, kv_dtype, args.gradient_checkpointing};
  // a sequence longer than a micro-batch stands alone
  const TokenSequence longest = longest_sequence(max_length + 1);
  const Batch batch(std::vector<const TokenSequence*>(
      std::max<int64_t>(1, args.micro_batch_tokens / max_length), &longest));
  Transformer::Saved saved;
  Tensor h = model.forward(ctx, batch.rows(), &saved);
  const LossRows loss = batch.loss_rows(1.0f);
  const TokenScores scores = model.head().score(ctx, h, loss);
  Tensor dlogp = ctx.f32({batch.n_loss()}), dentropy = ctx.f32({batch.n_loss()});
  Tensor dh = ctx.f32({h.rows(), h.cols()});
  model.head().backward(ctx, dh, h, loss, scores, dlogp, dentropy);
  model.backward(ctx, batch.rows(), dh, saved);
  const int64_t grads = model.store().grads().nbytes();
  return {{{"weights", model.store().n_bytes() - grads},
           {"packed weights", model.panel_bytes()},
           {"gradients", grads},
           {"optimizer", AdamW::state_bytes(model.store())},
           {"activations", static_cast<int64_t>(arena.peak())}}};
}

MemoryPlan plan_engine(const ModelConfig& config, Dtype dtype, Dtype kv_dtype,
                       const EngineConfig& engine) {
  const Transformer model(config, dtype, StoreUse::kPlan);
  Arena arena(true);
  Context ctx{{Backend::kPlan, nullptr}, arena, kv_dtype};
  const int64_t n_rows = engine.max_sequences + engine.prefill_chunk;
  const std::vector<int32_t> zeros(n_rows + 1, 0);
  std::byte page{};
  Rows rows;
  rows.batch = {n_rows, n_rows, zeros.data(), zeros.data()};
  rows.tokens = zeros.data();
  rows.kv_base = &page;
  Tensor h = model.forward(ctx, rows, nullptr);
  model.logits(ctx, h, std::span(zeros.data(), static_cast<size_t>(engine.max_sequences)));
  ctx.f32({engine.max_sequences, config.vocab_size});  // the copy that a repetition penalty changes
  return {{{"KV pages", engine.page_count(config.max_positions) * model.kv_page_bytes(kv_dtype)},
           {"engine activations", static_cast<int64_t>(arena.peak())}}};
}

void log_memory(const MemoryPlan& plan) {
  std::string parts;
  for (const auto& [name, bytes] : plan.parts) {
    parts += (parts.empty() ? "" : " + ") + name + " " + human_bytes(static_cast<double>(bytes));
  }
  log_info("memory: {} = {}", human_bytes(static_cast<double>(plan.total())), parts);
  const int64_t available = available_memory();
  if (available > 0 && plan.total() > available) {
    log_warn(
        "that is more than the {} available: lower micro_batch_tokens or max_sequences, or set "
        "gradient_checkpointing",
        human_bytes(static_cast<double>(available)));
  }
}

}  // namespace r1
