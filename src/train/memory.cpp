#include "train/memory.h"

#include <algorithm>
#include <fstream>
#include <map>

namespace r1 {
namespace {

TokenSequence longest_sequence(int64_t n_tokens) {
  TokenSequence s;
  s.tokens.assign(n_tokens, 0);
  s.weights.assign(n_tokens, 1.0f);
  return s;
}

using Parts = std::vector<std::pair<std::string, int64_t>>;

/// Panels are told by what they hold; a small part may be in another dtype than the most.
Parts frozen_weights(const Transformer& model) {
  std::map<std::string, int64_t> panels;
  for (const Parameter* p : model.store().parameters()) {
    const PackedMatrix& m = p->panels;
    if (p->only_panels()) panels[dtype_name(m.dtype)] += p->group_bytes(m.dtype);
  }
  Parts parts;
  for (const auto& [dtype, bytes] : panels) parts.emplace_back("frozen " + dtype, bytes);
  parts.emplace_back("frozen norms and biases", model.store().n_bytes());
  return parts;
}

Parts weights(const Transformer& model) {
  const ParameterStore& trained = model.trained();
  const int64_t own = trained.n_bytes() - trained.grads().nbytes();
  if (!model.adapted()) return {{"weights", own}, {"packed weights", model.panel_bytes()}};
  Parts parts = frozen_weights(model);
  parts.emplace_back("adapters", own + model.adapter_panel_bytes());
  return parts;
}

}  // namespace

int64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (int64_t value = 0; in >> key >> value;) {
    if (key == "MemAvailable:") return value * 1024;
    std::getline(in, unit);
  }
  return 0;
}

int64_t MemoryPlan::total() const {
  int64_t sum = 0;
  for (const auto& part : parts) sum += part.second;
  return sum;
}

MemoryPlan plan_training(const ModelConfig& config, Dtype dtype, Dtype kv_dtype,
                         const TrainingArguments& args, int64_t max_length) {
  return plan_training(Transformer(config, dtype, StoreUse::kPlan, {}, true), kv_dtype, args,
                       max_length);
}

MemoryPlan plan_training(const Transformer& model, Dtype kv_dtype, const TrainingArguments& args,
                         int64_t max_length) {
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
  if (!model.mtp().empty() && !model.adapted()) {
    MtpLoss mtp;
    const auto planned = add_mtp(ctx, model, batch, 1.0f, h, dh, mtp);
    CHECK(planned.has_value(), "a plan computes nothing that could fail");
  }
  model.backward(ctx, batch.rows(), dh, saved);
  MemoryPlan plan{weights(model)};
  plan.parts.emplace_back("gradients", model.trained().grads().nbytes());
  plan.parts.emplace_back("optimizer", AdamW::state_bytes(model.trained(), args.optimizer));
  plan.parts.emplace_back("activations", static_cast<int64_t>(arena.peak()));
  return plan;
}

MemoryPlan plan_engine(const ModelConfig& config, Dtype dtype, Dtype kv_dtype,
                       const EngineConfig& engine) {
  return plan_engine(Transformer(config, dtype, StoreUse::kPlan, {}, true), kv_dtype, engine);
}

MemoryPlan plan_engine(const Transformer& model, Dtype kv_dtype, const EngineConfig& engine) {
  const ModelConfig& config = model.config();
  Arena arena(true);
  Context ctx{{Backend::kPlan, nullptr}, arena, kv_dtype};
  const int64_t n_rows = engine.most_rows();
  const std::vector<int32_t> zeros(n_rows + 1, 0);
  std::byte page{};
  Rows rows;
  rows.batch = {n_rows, n_rows, zeros.data(), zeros.data()};
  rows.tokens = zeros.data();
  rows.kv_base = &page;
  const auto draw = [&](Tensor h, int64_t n) {
    model.logits(ctx, h, std::span(zeros.data(), static_cast<size_t>(n)));
    ctx.f32({n, config.vocab_size});  // the copy that a repetition penalty changes
  };
  const auto speculate = [&](int64_t n, bool draws) {  // as engine/speculative does
    const ArenaScope scope(arena);
    Rows few = rows;
    few.batch.N = few.batch.B = n;
    Tensor x = model.head().norm.forward(ctx, ctx.f32({n, config.d_model}), nullptr);
    x = model.mtp_forward(ctx, few, 0, x, nullptr);
    if (draws) draw(x, engine.max_sequences);
  };
  if (engine.speculate > 0) speculate(engine.most_drawn(), true);
  Tensor h = model.forward(ctx, rows, nullptr);
  if (engine.speculate > 0) speculate(engine.prefill_chunk, false);
  draw(h, engine.most_drawn());
  Arena apart(true);  // of threads that compute side by side
  if (SideBySide::suits(model)) {
    Context own{ctx.launch, apart, kv_dtype};
    model.forward(own, rows, nullptr);
  }
  const int64_t layers = model.kv_page_bytes(kv_dtype);
  const int64_t page_bytes = layers + (engine.speculate > 0 ? layers / config.n_layers : 0);
  return {{{"KV pages", engine.page_count(config.max_positions) * page_bytes},
           {"engine activations", static_cast<int64_t>(arena.peak() + apart.peak())}}};
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
