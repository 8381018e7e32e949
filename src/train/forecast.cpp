#include "train/forecast.h"

#include <time.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/random.h"
#include "kernels/gemm.h"
#include "models/plan_shape.h"
#include "train/memory.h"
#include "train/objectives.h"

namespace r1 {
namespace {

constexpr int64_t kMostWords = 8192;    // of a slice
constexpr int64_t kLargeSlice = 3;      // layers of it; the small one has 1
constexpr int64_t kMostColumns = 8192;  // of a product that is measured
constexpr int64_t kFewestTokens = 64;
constexpr double kUsualShare = 0.5;  // of the products' rate, for choosing what to measure
constexpr const char* kWhole = "the whole model";
constexpr float kMtpWeight = 0.3f;
constexpr double kShift = 0.2;
constexpr double kPatience = 5;      // times the seconds asked for, rather than measure no slice
constexpr double kUpdateBytes = 40;  // a parameter: AdamW, gradient norm, rounding, panels

/// The lower quartile: what else a machine does only ever adds time.
double usual(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 4];
}

/// A product of the model: rows, inputs, outputs, and how many of it a micro-batch has.
struct Product {
  int64_t M, K, N;
  auto operator<=>(const Product&) const = default;
};

/// Shapes with their counts; experts get their share of the rows.
std::vector<std::pair<Product, double>> products_of(const StepPlan& plan, int64_t rows) {
  std::map<Product, double> counts;
  const Transformer model(plan.config, plan.dtype, StoreUse::kPlan);
  const Routing& r = plan.config.moe.routing;
  for (const Parameter* p : model.store().parameters()) {
    const bool table = p->name.find("embed_tokens") != std::string::npos;
    if (p->shape.size() != 2 || (table && !plan.config.tie_word_embeddings)) continue;
    const bool expert = p->name.find(".mlp.experts.") != std::string::npos;
    const int64_t M = expert ? std::max<int64_t>(1, rows * r.top_k / r.n_experts) : rows;
    counts[{M, p->shape[1], std::min(p->shape[0], kMostColumns)}] +=
        static_cast<double>(p->shape[0]) / static_cast<double>(std::min(p->shape[0], kMostColumns));
  }
  return {counts.begin(), counts.end()};
}

double time_product(const Product& p, Dtype dtype, const Launch& launch, double seconds) {
  Arena arena;
  Tensor x = arena.zeros(Dtype::kF32, {p.M, p.K}), y = arena.f32({p.M, p.N});
  Tensor panels = arena.zeros(Dtype::kF32, {packed_bytes(p.K, p.N, dtype) / 4});
  const PackedMatrix b{panels.data, dtype, p.K, p.N};
  gemm(launch, y, x, b, false);
  std::vector<double> times;
  const Timer all;
  do {
    const Timer one;
    gemm(launch, y, x, b, false);
    times.push_back(one.seconds());
  } while (all.seconds() < seconds && times.size() < 1000);
  return usual(times);
}

double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

int threads_of(const Launch& launch) { return launch.pool->size(); }

void measure_products(const StepPlan& plan, const Launch& launch, double seconds, StepForecast& f) {
  const int64_t rows = std::clamp<int64_t>(plan.args.micro_batch_tokens, 1, 256);
  const auto products = products_of(plan, rows);
  double flops = 0, time = 0;
  const Timer all;
  const double before = processor_seconds();
  for (const auto& [p, count] : products) {
    const double each = seconds / static_cast<double>(products.size());
    flops += 2.0 * static_cast<double>(p.M * p.K * p.N) * count;
    time += time_product(p, plan.dtype, launch, each) * count;
  }
  f.gemm_rate = flops / time;
  f.cores = (processor_seconds() - before) / (all.seconds() * threads_of(launch));
}

/// AdamW reads four arrays and writes three.
double measure_bandwidth(const Launch& launch) {
  constexpr int64_t kElements = 16 << 20;
  Arena arena;
  Tensor w = arena.zeros(Dtype::kF32, {kElements}), m = arena.zeros(Dtype::kF32, {kElements});
  Tensor v = arena.zeros(Dtype::kF32, {kElements}), g = arena.zeros(Dtype::kF32, {kElements});
  std::vector<double> times;
  for (int i = 0; i < 4; ++i) {
    const Timer one;
    adamw_step(launch, w, m, v, g, {1e-3f, 0.9f, 0.95f, 1e-8f, 0, 1, 1, 1});
    times.push_back(one.seconds());
  }
  return 7.0 * 4 * static_cast<double>(kElements) / usual({times.begin() + 1, times.end()});
}

std::vector<TokenSequence> random_sequences(int64_t n_tokens, int64_t length, int64_t words) {
  std::vector<TokenSequence> sequences;
  Rng random(17, 0);
  for (int64_t n = 0; n < n_tokens;) {
    const int64_t rows = std::min(length, n_tokens - n);
    TokenSequence s;
    for (int64_t t = 0; t <= rows; ++t) {
      s.tokens.push_back(static_cast<int32_t>(random.below(words)));
      s.weights.push_back(t > 0 ? 1.0f : 0.0f);
    }
    sequences.push_back(std::move(s));
    n += rows;
  }
  return sequences;
}

std::vector<Batch> batches_of(const std::vector<TokenSequence>& sequences, int64_t most_tokens) {
  std::vector<int64_t> lengths;
  for (const TokenSequence& s : sequences) {
    lengths.push_back(static_cast<int64_t>(s.tokens.size()) - 1);
  }
  std::vector<Batch> batches;
  for (const auto& members : pack(lengths, most_tokens)) {
    std::vector<const TokenSequence*> chosen;
    for (const int i : members) chosen.push_back(&sequences[static_cast<size_t>(i)]);
    batches.emplace_back(chosen);
  }
  return batches;
}

/// A model that learns random words, step by step.
class StepTimer {
 public:
  StepTimer(const StepPlan& plan, int64_t n_tokens, const Launch& launch)
      : n_tokens_(n_tokens),
        model_(plan.config, plan.dtype, StoreUse::kTraining, Transformer::Packing{}, true),
        learner_(model_, plan.args.optimizer, plan.kv_dtype, plan.args.gradient_checkpointing,
                 launch),
        sequences_(random_sequences(n_tokens, plan.length, plan.config.vocab_size)),
        batches_(batches_of(sequences_, plan.args.micro_batch_tokens)) {
    model_.init(0, 0.0f, 0.05f);
    model_.refresh(launch);
  }

  Result<void> run() {
    const Timer forward_backward;
    const double before = processor_seconds();
    const double total = static_cast<double>(n_tokens_);
    MtpLoss mtp;
    mtp.weight = model_.mtp().empty() ? 0 : kMtpWeight;
    mtp.total = total;
    for (const Batch& batch : batches_) {
      const auto objective = [&](const TokenView& t) {
        nll(t.logp, batch.weights(), total, t.dlogp);
      };
      R1_RETURN_IF_ERROR(learner_.accumulate(batch, 1.0f, objective, &mtp));
    }
    compute_.push_back(forward_backward.seconds());
    processor_ += processor_seconds() - before;
    wall_ += compute_.back();
    const Timer step;
    const auto norm = learner_.step(0.0f);
    if (!norm) return fail_with(norm.error());
    update_.push_back(step.seconds());
    return {};
  }

  /// The first step, which touches new memory, is left out.
  double compute() const { return usual({compute_.begin() + 1, compute_.end()}); }
  double update() const { return usual({update_.begin() + 1, update_.end()}); }
  size_t n() const { return compute_.size() - 1; }
  /// Share of the processors that its threads got.
  double cores(int n_threads) const { return processor_ / (wall_ * n_threads); }

 private:
  int64_t n_tokens_;
  Transformer model_;
  Learner learner_;
  std::vector<TokenSequence> sequences_;
  std::vector<Batch> batches_;
  std::vector<double> compute_, update_;
  double processor_ = 0, wall_ = 0;
};

/// Each timer in turn, so that what else the machine does falls on all; twice at least.
Result<void> run_in_turns(std::initializer_list<StepTimer*> timers, double seconds) {
  const Timer all;
  for (int i = 0; i < 3 || (all.seconds() < seconds && i < 200); ++i) {
    for (StepTimer* timer : timers) R1_RETURN_IF_ERROR(timer->run());
  }
  return {};
}

/// Bytes of a model that learns: weights, masters, gradients, moments, panels.
double learner_bytes(const ModelConfig& config, Dtype dtype) {
  const Transformer model(config, dtype, StoreUse::kPlan, Transformer::Packing{}, true);
  return static_cast<double>(model.store().n_bytes() + model.panel_bytes() +
                             AdamW::state_bytes(model.store()));
}

/// Slices of the model: the kind of layer that there is most of, and the others.
struct Kinds {
  int64_t layers = 0, other = 0;
  bool sparse = false;
};

Kinds kinds_of(const ModelConfig& c) {
  const int64_t sparse = std::ranges::count(c.moe.sparse, true);
  const int64_t dense = c.n_layers - sparse;
  return sparse >= dense ? Kinds{sparse, dense, true} : Kinds{dense, sparse, false};
}

ModelConfig slice(const ModelConfig& c, const Kinds& kinds, int64_t layers) {
  const int64_t other = std::min<int64_t>(1, kinds.other);
  return slice_of(c, kinds.sparse ? other : layers, kinds.sparse ? layers : other, kMostWords);
}

double layer_flops(const ModelConfig& c, bool sparse, double length) {
  const ModelShape shape(slice_of(c, sparse ? 0 : 1, sparse ? 1 : 0, kMostWords));
  return shape.flops.forward(length, false) - shape.flops.head;
}

class Forecaster {
 public:
  Forecaster(const StepPlan& plan, const Launch& launch, double seconds)
      : plan_(plan),
        launch_(launch),
        steps_time_(0.8 * seconds),
        patience_(kPatience * seconds),
        shape_(plan.config),
        kinds_(kinds_of(plan.config)),
        large_(slice(plan.config, kinds_, kLargeSlice)) {
    measure_products(plan, launch, 0.15 * seconds, f_);
    f_.bandwidth = measure_bandwidth(launch);
  }

  Result<StepForecast> run() {
    const double tokens = static_cast<double>(plan_.tokens);
    const int64_t few = slice_tokens();
    if (step_time(shape_, tokens) < steps_time_ / 3 && has_room(plan_.config)) {
      R1_RETURN_IF_ERROR(run_whole());
    } else if (6 * step_time(ModelShape(large_), static_cast<double>(few)) < patience_ &&
               has_room(large_)) {
      R1_RETURN_IF_ERROR(run_slices(few));
    } else {
      f_.is_bound = true;
      f_.compute_seconds = shape_.flops.train(length(), false) * tokens / f_.gemm_rate;
      f_.update_seconds = update_time(shape_);
    }
    if (!f_.slice.starts_with(kWhole)) {  // multi-token prediction, by its FLOPs and parameters
      f_.compute_seconds *=
          1 + shape_.mtp_flops.forward(length(), false) / shape_.flops.forward(length(), false);
      f_.update_seconds *=
          1 + static_cast<double>(shape_.mtp_total()) / static_cast<double>(shape_.total());
    }
    return f_;
  }

 private:
  double length() const { return static_cast<double>(plan_.length); }
  double update_time(const ModelShape& shape) const {
    return kUpdateBytes * static_cast<double>(shape.total()) / f_.bandwidth;
  }
  /// A guess, for choosing what to measure.
  double step_time(const ModelShape& shape, double tokens) const {
    return shape.flops.train(length(), false) * tokens / (kUsualShare * f_.gemm_rate) +
           update_time(shape);
  }
  bool has_room(const ModelConfig& config) const {
    return learner_bytes(config, plan_.dtype) < 0.3 * static_cast<double>(available_memory());
  }
  /// As many as let three pairs of slices run, but not so few that they say nothing.
  int64_t slice_tokens() const {
    const ModelShape part(large_);
    const double left = std::max(0.0, steps_time_ / 6 - update_time(part));
    const double per_token = step_time(part, 1) - update_time(part);
    const int64_t most = std::min(plan_.tokens, plan_.args.micro_batch_tokens);
    return std::clamp(static_cast<int64_t>(left / per_token), std::min(most, kFewestTokens), most);
  }

  Result<void> run_whole() {
    StepTimer timer(plan_, plan_.tokens, launch_);
    R1_RETURN_IF_ERROR(run_in_turns({&timer}, steps_time_));
    f_.slice = fmt::format("{}, {} steps", kWhole, timer.n());
    f_.slice_seconds = f_.compute_seconds = timer.compute();
    f_.cores = timer.cores(threads_of(launch_));
    f_.update_seconds = timer.update();
    return {};
  }

  Result<void> run_slices(int64_t tokens) {
    StepPlan small = plan_, large = plan_;
    small.config = slice(plan_.config, kinds_, 1);
    large.config = large_;
    small.length = large.length = std::min(plan_.length, tokens);
    StepTimer a(small, tokens, launch_), b(large, tokens, launch_);
    R1_RETURN_IF_ERROR(run_in_turns({&a, &b}, steps_time_));
    f_.slice =
        fmt::format("1 and {} of {} layers, {} of {} words, {} tokens", kLargeSlice,
                    plan_.config.n_layers, large_.vocab_size, plan_.config.vocab_size, tokens);
    f_.slice_seconds = b.compute();
    f_.cores = b.cores(threads_of(launch_));
    f_.compute_seconds = whole_seconds(pair_of(a.compute(), b.compute(), tokens));
    f_.update_seconds = b.update() * static_cast<double>(shape_.total()) /
                        static_cast<double>(ModelShape(large_).total());
    return {};
  }

  SlicePair pair_of(double a, double b, int64_t tokens) const {
    SlicePair pair{a, b, kLargeSlice - 1};
    const double here = static_cast<double>(std::min(plan_.length, tokens));
    const double layer = layer_flops(plan_.config, kinds_.sparse, here);
    pair.layer_share = layer / ModelShape(large_).flops.forward(here, false);
    pair.layers = static_cast<double>(kinds_.layers);
    pair.other = static_cast<double>(kinds_.other);
    pair.other_in_slice = static_cast<double>(std::min<int64_t>(1, kinds_.other));
    if (kinds_.other > 0) {
      pair.other_cost = layer_flops(plan_.config, !kinds_.sparse, here) / layer;
    }
    pair.longer = layer_flops(plan_.config, kinds_.sparse, length()) / layer;
    pair.words =
        static_cast<double>(plan_.config.vocab_size) / static_cast<double>(large_.vocab_size);
    pair.tokens = static_cast<double>(plan_.tokens) / static_cast<double>(tokens);
    return pair;
  }

  const StepPlan& plan_;
  Launch launch_;
  double steps_time_, patience_;
  ModelShape shape_;
  Kinds kinds_;
  ModelConfig large_;
  StepForecast f_;
};

}  // namespace

double whole_seconds(const SlicePair& p) {
  // noise of the difference counts for many layers: it may only shift the share that FLOPs give
  const double by_flops = p.b * p.layer_share;
  const double layer =
      std::clamp((p.b - p.a) / p.more_layers, (1 - kShift) * by_flops, (1 + kShift) * by_flops);
  const double in_slice = 1 + p.more_layers + p.other_in_slice * p.other_cost;
  const double rest = std::max(0.0, p.b - layer * in_slice);
  return p.tokens * (rest * p.words + layer * p.longer * (p.layers + p.other * p.other_cost));
}

ModelConfig slice_of(const ModelConfig& config, int64_t dense, int64_t sparse, int64_t words) {
  ModelConfig c = config;
  c.n_mtp_layers = 0;
  c.n_layers = dense + sparse;
  c.vocab_size = std::min(words, config.vocab_size);
  if (c.moe.routing.n_experts == 0) return c;
  c.moe.sparse.assign(static_cast<size_t>(c.n_layers), true);
  std::fill_n(c.moe.sparse.begin(), dense, false);
  return c;
}

Result<StepForecast> forecast_step(const StepPlan& plan, const Launch& launch, double seconds) {
  return Forecaster(plan, launch, seconds).run();
}

}  // namespace r1
